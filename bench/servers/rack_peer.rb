# Rack servers.   ruby rack_peer.rb tidemill|thin|puma --case http --listen tcp://127.0.0.1:0
require_relative "peer"

APP = ->(_env) { [200, { "content-type" => "text/plain", "content-length" => "12" }, ["hello, world"]] }

# A port that is free now.
def free_port(endpoint)
  listener = Peer.listen(endpoint)
  listener.local_address.ip_port.tap { listener.close }
end

def announce(port)
  puts "listening on tcp://127.0.0.1:#{port}"
  $stdout.flush
end

server = ARGV.shift
_case_name, endpoint = Peer.arguments
port = free_port(endpoint)
case server
when "tidemill"
  require "tidemill/rack"
  Tidemill::RackServer.new(APP).run("tcp://127.0.0.1:#{port}") { announce(port) }
when "thin"
  require "thin"
  Thin::Logging.silent = true
  EventMachine.epoll
  EventMachine.run do
    Thin::Server.new("127.0.0.1", port, APP, signals: false).start
    trap("TERM") { EventMachine.stop }
    announce(port)
  end
when "puma"
  require "puma"
  require "puma/server"
  puma = Puma::Server.new(APP, Puma::Events.strings, { min_threads: 1, max_threads: 5, max_fast_inline: 1_000_000_000 })
  puma.add_tcp_listener("127.0.0.1", port)
  thread = puma.run
  trap("TERM") { exit! }
  announce(port)
  thread.join
end
