# frozen_string_literal: true

# tidemill's server in Ruby: tidemill.rb --case echo|lines|chat|http|websocket --listen ENDPOINT [--spin SECONDS]
require "tidemill"

class Echo < Tidemill::Connection
  def on_data(data)
    write(data)
  end
end

# Cuts what comes into lines, each with its end.
class Cutter < Tidemill::Connection
  def on_data(data)
    data = @part << data if @part
    @part = nil
    data.each_line("\n") do |line|
      if line.end_with?("\n")
        on_line(line)
      else
        @part = +line
      end
    end
  end
end

class Lines < Tidemill::LineConnection
  def line_ending = "lf"

  def on_lines(lines)
    lines.each { |line| write_line(line) }
  end
end

class Chat < Cutter
  EVERYBODY = {} # rubocop:disable Style/MutableConstant

  def on_open
    EVERYBODY[self] = true
  end

  def on_line(line)
    EVERYBODY.each_key { |connection| connection.write(line) }
  end

  def on_close(_reason)
    EVERYBODY.delete(self)
  end
end

class Hello < Tidemill::HttpConnection
  HEADERS = { "content-type" => "text/plain" }.freeze

  def on_request(request)
    request.respond(200, HEADERS, "hello, world")
  end
end

class Frames < Tidemill::WebSocketConnection
  def compresses = false

  def on_binary(data)
    send_binary(data)
  end
end

options = Hash[*ARGV]
classes = { "echo" => Echo, "lines" => Lines, "chat" => Chat, "http" => Hello, "websocket" => Frames }
trap("TERM") { Tidemill.stop }
listener = Tidemill.listen(options.fetch("--listen"), classes.fetch(options.fetch("--case")))
puts "listening on #{listener.endpoint}"
$stdout.flush
Tidemill.default_reactor.set_spin(options.fetch("--spin", 0).to_f)
Tidemill.run
