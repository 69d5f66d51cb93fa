# EventMachine's servers on epoll.   ruby eventmachine_peer.rb --case echo|lines|chat|http --listen ENDPOINT
require "eventmachine"
require "set"
require_relative "peer"

class Echo < EventMachine::Connection
  def receive_data(data)
    send_data(data)
  end
end

# Cuts the stream into lines by hand.
module Cut
  def each_line_of(data)
    data = @rest << data if @rest
    lines = data.lines
    @rest = data.end_with?("\n") ? nil : lines.pop
    lines.each { |line| yield line }
  end
end

class Lines < EventMachine::Connection
  include Cut

  def receive_data(data)
    each_line_of(data) { |line| send_data(line) }
  end
end

class Chat < EventMachine::Connection
  include Cut

  EVERYBODY = Set.new

  def post_init
    EVERYBODY << self
  end

  def receive_data(data)
    each_line_of(data) do |line|
      EVERYBODY.each { |chat| chat.send_data(line) }
    end
  end

  def unbind
    EVERYBODY.delete(self)
  end
end

# By hand, without parsing.
class Hello < EventMachine::Connection
  ANSWER = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello, world"

  def receive_data(data)
    data = @rest << data if @rest
    count = data.scan("\r\n\r\n").size
    @rest = data.end_with?("\r\n\r\n") ? nil : data[((data.rindex("\r\n\r\n") || -4) + 4)..]
    send_data(ANSWER * count) if count.positive?
  end
end

case_name, endpoint = Peer.arguments
listener = Peer.listen(endpoint)
EventMachine.epoll
EventMachine.run do
  trap("TERM") { EventMachine.stop }
  EventMachine.attach_server(listener, { "echo" => Echo, "lines" => Lines, "chat" => Chat, "http" => Hello }.fetch(case_name))
  Peer.announce(listener)
end
