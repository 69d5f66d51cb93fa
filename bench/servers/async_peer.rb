# The async gem's servers: a task for each connection, async-io's streams.   ruby async_peer.rb --case echo|lines|chat --listen ENDPOINT
#
# A stream gathers what is written until flush.
require "async"
require "async/io"
require "async/io/stream"
require "async/io/tcp_socket"
require "async/io/unix_socket"
require "async/notification"
require_relative "peer"

def echo(stream)
  while (data = stream.read_partial)
    stream.write(data)
    stream.flush
  end
end

# The complete lines of what is received, in groups: what came with one read.
def each_group_of_lines(stream)
  rest = nil
  while (data = stream.read_partial)
    data = rest << data if rest
    lines = data.lines
    rest = data.end_with?("\n") ? nil : lines.pop
    yield lines
  end
end

def answer_lines(stream)
  each_group_of_lines(stream) do |lines|
    lines.each { |line| stream.write(line) }
    stream.flush
  end
end

# Of each member the notification that wakes the task which sends: nobody waits for a slow member.
EVERYBODY = {}

def chat(stream)
  EVERYBODY[stream] = filled = Async::Notification.new
  sender = Async { send_all(stream, filled) }
  each_group_of_lines(stream) do |lines|
    lines.each { |line| tell_everybody(line) }
  end
ensure
  EVERYBODY.delete(stream)
  sender.stop
end

def send_all(stream, filled)
  loop do
    filled.wait
    stream.flush
  end
rescue SystemCallError, IOError
  # The task that receives notices it, too.
end

def tell_everybody(line)
  EVERYBODY.each do |stream, filled|
    stream.write(line)
    filled.signal
  end
end

def serve(stream, handler)
  handler.call(stream)
rescue SystemCallError, IOError
  # A reset is how some peers say goodbye.
ensure
  stream.close
end

case_name, endpoint = Peer.arguments
handler = method({ "echo" => :echo, "lines" => :answer_lines, "chat" => :chat }.fetch(case_name))
listener = Peer.listen(endpoint)
trap("TERM") { exit!(true) }
Async do
  server = Async::IO.try_convert(listener)
  Peer.announce(listener)
  loop do
    socket, = server.accept
    Async { serve(Async::IO::Stream.new(socket), handler) }
  end
end
