# HTTP: GET / says hello, POST /echo sends the body back as it comes.   ruby examples/http/hello.rb --listen tcp://127.0.0.1:8080
#
#     curl http://127.0.0.1:8080/        curl -T some-file -X POST http://127.0.0.1:8080/echo
require "optparse"
require "tidemill"

class Hello < Tidemill::HttpConnection
  def on_request(request)
    if request.method == "POST" && request.path == "/echo"
      request.start(200, "content-type" => "application/octet-stream")
    elsif request.path == "/"
      request.respond(200, {"content-type" => "text/plain"}, "hello\n")
    else
      request.respond(404, {"content-type" => "text/plain"}, "not found\n")
    end
  end

  # Of a client that does not read its echo nothing more is read.
  def on_body(request, data)
    request.pause unless request.write(data)
  end

  def on_response_drain(request)
    request.resume
  end

  def on_body_end(request)
    request.finish
  end
end

endpoint = "tcp://127.0.0.1:8080"
OptionParser.new { |options| options.on("--listen ENDPOINT") { |text| endpoint = text } }.parse!
%w[INT TERM].each { |signal| trap(signal) { Tidemill.stop } }
listener = Tidemill.listen(endpoint, Hello)
puts "listening on #{listener.endpoint}"
$stdout.flush
Tidemill.run
