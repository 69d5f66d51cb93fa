# nio4r's servers: a selector, and a monitor for each connection.   ruby nio4r_peer.rb --case echo|lines|chat --listen ENDPOINT
#
# nio4r tells who is ready and leaves reading and writing to Ruby's sockets, so that a line here costs a system call.
require "nio"
require_relative "peer"

class Connection
  RECEIVE_SIZE = 65_536
  RECEIVED = String.new(capacity: RECEIVE_SIZE) # one for all: who reads is done with it before the next does

  def initialize(socket, selector)
    @socket = socket
    @unsent = nil
    @monitor = selector.register(socket, :r)
    @monitor.value = self
    open
  end

  def on_ready
    flush if @unsent && @monitor.writable?
    read if @monitor.readable?
  rescue SystemCallError
    close
  end

  def write(octets)
    return @unsent << octets if @unsent

    sent = @socket.write_nonblock(octets, exception: false)
    return if sent == octets.bytesize

    @unsent = sent == :wait_writable ? octets.dup : octets.byteslice(sent..)
    @monitor.interests = :rw
  end

  private

  def open; end

  def read
    case @socket.read_nonblock(RECEIVE_SIZE, RECEIVED, exception: false)
    when nil then close
    when String then on_data(RECEIVED)
    end
  end

  def flush
    unsent, @unsent = @unsent, nil
    @monitor.interests = :r
    write(unsent)
  end

  def close
    @monitor.close
    @socket.close
  end
end

class Echo < Connection
  def on_data(data)
    write(data)
  end
end

class Lines < Connection
  def on_data(data)
    data = @rest << data if @rest
    lines = data.lines
    @rest = data.end_with?("\n") ? nil : lines.pop
    lines.each { |line| on_line(line) }
  end

  def on_line(line)
    write(line)
  end
end

class Chat < Lines
  EVERYBODY = {} # each one itself; a hash may lose members while it is walked

  def open
    EVERYBODY[self] = true
  end

  def on_line(line)
    EVERYBODY.each_key { |chat| chat.tell(line) }
  end

  def close
    EVERYBODY.delete(self)
    super
  end

  def tell(line)
    write(line)
  rescue SystemCallError
    # Its own turn comes soon and closes it.
  end
end

# Takes the place of a connection where the selector reports the listener.
class Acceptor
  def initialize(listener, selector, connection_class)
    @listener, @selector, @connection_class = listener, selector, connection_class
    selector.register(listener, :r).value = self
  end

  def on_ready
    while (socket = @listener.accept_nonblock(exception: false)) != :wait_readable
      @connection_class.new(socket, @selector)
    end
  end
end

case_name, endpoint = Peer.arguments
listener = Peer.listen(endpoint)
selector = NIO::Selector.new(:epoll)
Acceptor.new(listener, selector, { "echo" => Echo, "lines" => Lines, "chat" => Chat }.fetch(case_name))
Peer.announce(listener)
trap("TERM") { exit }
loop { selector.select { |monitor| monitor.value.on_ready } }
