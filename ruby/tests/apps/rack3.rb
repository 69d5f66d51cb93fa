# frozen_string_literal: true

# Where Rack 3 differs from Rack 2, for a machine that has no Rack 3: the contract of its SPEC, with no Rack at all.
require "tidemill/rack"

class Later
  def call(stream)
    stream << "one\n"
    stream.write("two\n", stream.read.upcase)
    stream.flush
    stream.close
    $stdout.puts "stream is closed: #{stream.closed?}"
    begin
      stream.write("three")
    rescue IOError => error
      $stdout.puts error.message
    end
    $stdout.flush
  end

  def close
    $stdout.puts "closed the streaming one"
    $stdout.flush
  end
end

app = lambda do |env|
  raise "SPEC" unless env.key?("SERVER_PROTOCOL") && !env.key?("rack.version") && env["rack.hijack?"] == false

  env["rack.response_finished"] << lambda do |_, status, headers, error|
    $stdout.puts "finished #{status} #{headers&.keys.inspect} #{error.class}"
    $stdout.flush
  end
  case env["PATH_INFO"]
  when "/stream" then [200, {"content-type" => "text/plain"}, Later.new]
  when "/proc" then [200, {}, ->(stream) { 1000.times { |number| stream << (number % 251).chr.b * 65_536 } }]
  when "/raise" then raise "on purpose"
  else [200, {"set-cookie" => %w[a=1 b=2], "rack.private" => "never sent"}, ["hello"]]
  end
end

Tidemill::RackServer.new(app, threads: Integer(ARGV[1] || 0), is_rack3: true).run(ARGV[0]) do |listener|
  $stdout.puts "listening on #{listener.endpoint}"
  $stdout.flush
end
