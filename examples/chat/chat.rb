# Chat: the first data is your name, all data goes to everybody.   ruby examples/chat/chat.rb --listen tcp://127.0.0.1:8083
require "optparse"
require "set"
require "tidemill"

class Chat < Tidemill::Connection
  EVERYBODY = Set.new

  def on_open
    EVERYBODY << self
    write("Please enter your name: ")
  end

  def on_data(data)
    @name ||= data.strip
    EVERYBODY.each { |chat| chat.tell("#{@name} says: #{data}") }
  end

  def on_close(_reason)
    EVERYBODY.delete(self)
  end

  def tell(line)
    write(line)
  rescue Tidemill::ClosedError
    # It is about to go: its on_close comes soon.
  end
end

endpoint = "tcp://127.0.0.1:8083"
OptionParser.new { |options| options.on("--listen ENDPOINT") { |text| endpoint = text } }.parse!
%w[INT TERM].each { |signal| trap(signal) { Tidemill.stop } }
listener = Tidemill.listen(endpoint, Chat)
puts "listening on #{listener.endpoint}"
$stdout.flush
Tidemill.run
