# What the Ruby peers share: their command line and the socket they listen on.
require "optparse"
require "socket"

module Peer
  BACKLOG = 4096

  # The case and the endpoint of the command line.
  def self.arguments
    found = {}
    OptionParser.new do |options|
      options.on("--case CASE", %w[echo lines chat http websocket])
      options.on("--listen ENDPOINT")
    end.parse!(into: found)
    [found.fetch(:case), found.fetch(:listen)]
  end

  # A listening server socket. Linux hands its TCP_NODELAY down to what it accepts.
  def self.listen(endpoint)
    kind, address = endpoint.split("://", 2)
    if kind == "unix"
      listener = UNIXServer.new(address)
    else
      host, port = address.split(":")
      listener = TCPServer.new(host, port.to_i)
      listener.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
    end
    listener.listen(BACKLOG)
    listener
  end

  def self.announce(listener)
    address = listener.local_address
    puts "listening on #{address.unix? ? "unix://#{address.unix_path}" : "tcp://#{address.inspect_sockaddr}"}"
    $stdout.flush
  end
end
