# A chat in the browser: GET / is the page, /chat its WebSocket. The first message is your name, every other goes to everybody.
#
#     ruby examples/websocket/chat.rb --listen tcp://127.0.0.1:8080        then open http://127.0.0.1:8080/
require "optparse"
require "set"
require "tidemill"

PAGE = File.binread(File.join(__dir__, "chat.html"))
EVERYBODY = Set.new

class Chat < Tidemill::WebSocketConnection
  def max_message
    4096
  end

  def on_open
    EVERYBODY << self
  end

  def on_text(text)
    if @name
      line = "#{@name}: #{text}"
    else
      @name = text.strip
      line = "#{@name} is here"
    end
    EVERYBODY.each do |one|
      one.send_text(line)
    rescue Tidemill::ClosedError
      next # it is about to go
    end
  end

  def on_close(reason)
    EVERYBODY.delete(self)
  end
end

class Site < Tidemill::HttpConnection
  def on_request(request)
    case request.path
    when "/chat" then upgrade(request)
    when "/" then request.respond(200, {"content-type" => "text/html; charset=utf-8"}, PAGE)
    else request.respond(404, {"content-type" => "text/plain"}, "not found\n")
    end
  end

  # A page of somebody else's must not talk here in its visitor's name.
  def upgrade(request)
    origin = request.header("origin")
    if origin.nil? || origin.partition("://").last == request.header("host")
      request.upgrade(Chat)
    else
      request.respond(403, {"content-type" => "text/plain"}, "this chat is for its own page\n")
    end
  end
end

endpoint = "tcp://127.0.0.1:8080"
OptionParser.new { |options| options.on("--listen ENDPOINT") { |text| endpoint = text } }.parse!
%w[INT TERM].each { |signal| trap(signal) { Tidemill.stop } }
listener = Tidemill.listen(endpoint, Site)
puts "listening on #{listener.endpoint}"
$stdout.flush
Tidemill.run
