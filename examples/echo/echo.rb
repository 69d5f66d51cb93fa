# Echo: every octet comes back.   ruby examples/echo/echo.rb --listen tcp://127.0.0.1:8080
require "optparse"
require "tidemill"

class Echo < Tidemill::Connection
  def on_data(data)
    write(data)
  end
end

endpoint = "tcp://127.0.0.1:8080"
OptionParser.new { |options| options.on("--listen ENDPOINT") { |text| endpoint = text } }.parse!
%w[INT TERM].each { |signal| trap(signal) { Tidemill.stop } }
listener = Tidemill.listen(endpoint, Echo)
puts "listening on #{listener.endpoint}"
$stdout.flush
Tidemill.run
