# frozen_string_literal: true

# What rack_test.rb asks for, under Rack's own judge of both sides.
require "digest"
require "json"

def shown(env)
  env.filter_map do |name, value|
    next [name, value] if [true, false].include?(value)

    [name, value.dup.force_encoding("UTF-8").scrub("?")] if value.is_a?(String)
  end.to_h
end

class Closing
  def initialize(name)
    @name = name
  end

  def each
    5.times do |number|
      yield "#{number}\n" * 1000
    end
  end

  def close
    $stdout.puts "closed #{@name}"
    $stdout.flush
  end
end

class Long
  def each
    1024.times { |number| yield (number % 251).chr.b * 65_536 }
  ensure
    $stdout.puts "long is over"
    $stdout.flush
  end
end

class FileBody
  def to_path
    __FILE__
  end

  def each
    raise "a file is sent by the system"
  end
end

class Failing
  def each
    yield "begun"
    raise "on purpose, late"
  end

  def close
    $stdout.puts "closed the failing one"
    $stdout.flush
  end
end

plain = {"content-type" => "text/plain"}
pages = {
  "/env" => ->(env) { [200, {"content-type" => "application/json"}, [JSON.generate(shown(env))]] },
  "/echo" => ->(env) { [200, plain, [env["rack.input"].read]] },
  "/digest" => lambda do |env|
    digest = Digest::SHA256.new
    while (piece = env["rack.input"].read(10_000))
      digest << piece
    end
    env["rack.input"].rewind
    [200, plain, ["#{digest.hexdigest} #{env["rack.input"].read.bytesize}"]]
  end,
  "/each" => ->(env) { [200, plain, Closing.new("each")] },
  "/long" => ->(env) { [200, {"content-type" => "text/plain", "content-length" => (64 << 20).to_s}, Long.new] },
  "/large" => ->(env) { [200, plain, ["l" * (20 << 20), "r"]] },
  "/file" => ->(env) { [200, plain, FileBody.new] },
  "/cookies" => ->(env) { [200, {"content-type" => "text/plain", "set-cookie" => "a=1\nb=2"}, ["two"]] },
  "/raise" => ->(env) { raise "on purpose" },
  "/late" => ->(env) { [200, plain, Failing.new] },
  "/length" => ->(env) { [200, {"content-type" => "text/plain", "content-length" => "7"}, Closing.new("wrong length")] },
  "/chunked" => ->(env) { [200, {"content-type" => "text/plain", "transfer-encoding" => "chunked"}, Closing.new("chunked")] },
  "/empty" => ->(env) { [204, {}, []] },
  "/slow" => lambda do |env|
    $stdout.puts "slow begins"
    $stdout.flush
    sleep 0.3
    [200, plain, ["slow"]]
  end,
}

judged = lambda do |env|
  page = pages[env["PATH_INFO"]] || ->(_) { [404, plain, ["not found"]] }
  status, headers, body = page.call(env)
  env["REQUEST_METHOD"] == "HEAD" ? [status, headers, []] : [status, headers, body]
end
# /length breaks the specification on purpose, and the judge hides what a body is.
lint = Rack::Lint.new(judged)
run ->(env) { %w[/length /file /large].include?(env["PATH_INFO"]) ? judged.call(env) : lint.call(env) }
