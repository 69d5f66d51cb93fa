# em-websocket.   ruby em_websocket_peer.rb --case websocket --listen tcp://127.0.0.1:0
require "em-websocket"
require_relative "peer"

_case_name, endpoint = Peer.arguments
probe = Peer.listen(endpoint) # a port that is free now: em-websocket binds one by itself
port = probe.local_address.ip_port
probe.close
EventMachine.epoll
EventMachine.run do
  trap("TERM") { EventMachine.stop }
  EventMachine::WebSocket.run(host: "127.0.0.1", port: port) do |websocket|
    websocket.onbinary { |octets| websocket.send_binary(octets) }
  end
  puts "listening on tcp://127.0.0.1:#{port}"
  $stdout.flush
end
