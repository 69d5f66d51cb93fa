# frozen_string_literal: true

# Rack on the HTTP server, each server in a process of its own, most as `rackup -s tidemill` makes it. The applications are in apps/.
require_relative "support"
require "digest"
require "json"
require "net/http"
require "socket"
require "tempfile"
require "tmpdir"
begin
  require "rack"
rescue LoadError
  nil
end

class RackServerProcess
  APPS = File.join(__dir__, "apps")

  attr_reader :port, :pid

  def self.rackup(file, *options)
    new(RbConfig.ruby, "-S", "rackup", "-s", "tidemill", "-E", "none", "-O", "Listen=tcp://127.0.0.1:0", *options.flat_map { |option| ["-O", option] },
        File.join(APPS, file))
  end

  def initialize(*command)
    @output = Tempfile.new("rack_test")
    @pid = Process.spawn(*command, out: @output.path, err: %i[child out])
    wait_for(/listening on tcp:\S+:(\d+)$/) { |match| @port = match[1].to_i }
  end

  def said
    File.binread(@output.path).force_encoding("UTF-8")
  end

  def wait_for(pattern)
    400.times do
      match = said.match(pattern)
      return yield(match) if match && block_given?
      return match if match
      raise "the server has gone:\n#{said}" if Process.waitpid(@pid, Process::WNOHANG)

      sleep 0.05
    end
    raise "#{pattern} was not said:\n#{said}"
  end

  def http
    Net::HTTP.start("127.0.0.1", @port, read_timeout: 20) { |client| yield client }
  end

  def get(path, headers = {})
    http { |client| client.get(path, headers) }
  end

  def post(path, body, headers = {})
    http { |client| client.post(path, body, headers) }
  end

  def raw(text)
    TCPSocket.open("127.0.0.1", @port) do |stream|
      stream.write(text)
      stream.read
    end
  end

  def resident
    File.read("/proc/#{@pid}/status")[/VmRSS:\s+(\d+)/, 1].to_i / 1024
  end

  # Its status.
  def stop(name = "TERM")
    return if @pid.nil?

    Process.kill(name, @pid) if name
    _, status = Timeout.timeout(40) { Process.waitpid2(@pid) }
    @pid = nil
    status
  rescue Timeout::Error
    Process.kill("KILL", @pid)
    Process.waitpid(@pid)
    raise
  end
end

class RackTest < Minitest::Test
  def setup
    skip "there is no rack; apt-get install ruby-rack" unless defined?(Rack::Lint)
  end

  def teardown
    @server&.stop
  end

  def start(*arguments)
    @server = RackServerProcess.rackup(*arguments)
  end

  def load(clients: 12)
    Array.new(clients) { |number| Thread.new { @server.http { |client| yield client, number } } }.each(&:join)
  end

  def self.both_ways(name, &block)
    define_method("test_#{name}_in_the_loop") { instance_exec(start("rack.ru"), &block) }
    define_method("test_#{name}_in_threads") { instance_exec(start("rack.ru", "Threads=4"), &block) }
  end

  def test_env_is_whole
    server = start("rack.ru")
    env = JSON.parse(server.get("/env?a=b%20c", "X-Asked" => "this", "Cookie" => "c=d", "X_Forged" => "never").body)
    assert_equal(["GET", "", "/env", "a=b%20c", "/env?a=b%20c"], env.values_at("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_URI"))
    assert_equal(["127.0.0.1", server.port.to_s, "HTTP/1.1", "http"], env.values_at("SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "rack.url_scheme"))
    assert_equal(["this", "c=d", "127.0.0.1", "127.0.0.1:#{server.port}"], env.values_at("HTTP_X_ASKED", "HTTP_COOKIE", "REMOTE_ADDR", "HTTP_HOST"))
    assert_equal([false, false, false, false], env.values_at("rack.multithread", "rack.multiprocess", "rack.run_once", "rack.hijack?"))
    refute_includes(env.keys, "HTTP_X_FORGED")
    twice = server.raw("GET /env HTTP/1.1\r\nHost: [::1]\r\nX-Two: one\r\nX-Two: two\r\nCookie: a=1\r\nCookie: b=2\r\nConnection: close\r\n\r\n")
    env = JSON.parse(twice[/\{.*\}/m])
    assert_equal(["one, two", "a=1; b=2", "[::1]", "80"], env.values_at("HTTP_X_TWO", "HTTP_COOKIE", "SERVER_NAME", "SERVER_PORT"))
    assert_match(%r{ 200 OK.*"SERVER_PROTOCOL":"HTTP/1.0"}m, server.raw("GET http://other/env HTTP/1.0\r\nX-High: \xE4\r\n\r\n").scrub)
  end

  both_ways(:bodies_of_every_kind) do |server|
    assert_equal("short", server.post("/echo", "short").body)
    body = Random.bytes(3_000_000)  # more than is kept in memory
    assert_equal("#{Digest::SHA256.hexdigest(body)} 3000000", server.post("/digest", body).body)
    chunked = "POST /digest HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
    assert_includes(server.raw(chunked), "#{Digest::SHA256.hexdigest("body")} 4\r\n")
    answer = server.get("/each")
    assert_equal((0..4).map { |number| "#{number}\n" * 1000 }.join, answer.body)
    assert_equal("chunked", answer["transfer-encoding"])
    server.wait_for(/closed each/)
    assert_equal(File.binread(File.join(RackServerProcess::APPS, "rack.ru")), server.get("/file").body.b)
    assert_equal(%w[a=1 b=2], server.get("/cookies").get_fields("set-cookie"))
    answer = server.get("/large")
    assert_equal([(20 << 20) + 1, ((20 << 20) + 1).to_s], [answer.body.bytesize, answer["content-length"]])
    head = server.http { |client| client.head("/each") }
    assert_equal(["200", nil], [head.code, head.body])
    assert_equal(["204", nil], server.get("/empty").then { |empty| [empty.code, empty.body] })
    assert_equal("404", server.get("/nowhere").code)
  end

  both_ways(:a_slow_reader_holds_the_body_up) do |server|
    before = server.resident
    TCPSocket.open("127.0.0.1", server.port) do |stream|
      stream.setsockopt(:SOCKET, :RCVBUF, 65_536)
      stream.write("GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
      sleep 0.5
      assert_operator(server.resident - before, :<, 24)
      nil until stream.gets == "\r\n"
      1024.times { |number| assert(stream.read(65_536) == (number % 251).chr.b * 65_536) }
    end
    server.wait_for(/long is over/)
  end

  both_ways(:a_client_that_goes_ends_the_body) do |server|
    TCPSocket.open("127.0.0.1", server.port) do |stream|
      stream.write("GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
      stream.read(100_000)
    end
    server.wait_for(/long is over/)
    assert_equal("still here", server.post("/echo", "still here").body)
    refute_match(/Error/, server.said)
  end

  both_ways(:what_raises_is_answered_and_logged) do |server|
    assert_equal("500", server.get("/raise").code)
    server.wait_for(/on purpose \(RuntimeError\)/)
    assert_raises(EOFError, Errno::ECONNRESET) { server.get("/late") }
    server.wait_for(/on purpose, late/)
    server.wait_for(/closed the failing one/)
    assert_raises(EOFError, Errno::ECONNRESET) { server.get("/length") }
    server.wait_for(/LocalProtocolError/)
    server.wait_for(/closed wrong length/)
    assert_equal("500", server.get("/chunked").code)
    server.wait_for(/chunks of its own/)
  end

  both_ways(:many_at_once) do |_|
    load do |client, number|
      20.times do |turn|
        body = "#{number} #{turn} " * 1000
        assert_equal(body, client.post("/echo", body).body)
        assert_equal("x=#{number}", JSON.parse(client.get("/env?x=#{number}").body)["QUERY_STRING"])
      end
    end
  end

  both_ways(:a_term_lets_requests_finish) do |server|
    answer = Thread.new { server.get("/slow") }
    server.wait_for(/slow begins/)
    status = server.stop
    assert_equal("slow", answer.value.body)
    assert_predicate(status, :success?)
  end

  def test_an_access_log_has_a_line_for_each_request
    Dir.mktmpdir do |folder|
      server = start("rack.ru", "AccessLogFile=#{folder}/log")
      server.http do |client|
        client.get("/env?%22", {"User-Agent" => "a\"b"})
        client.get("/nowhere", {"User-Agent" => "c"})
      end
      assert_predicate(server.stop, :success?)
      start_of_line = '\A127\.0\.0\.1 - - \[\S+ \+0000\] '
      lines = File.readlines("#{folder}/log", chomp: true)
      assert_equal(2, lines.size)
      assert_match(/#{start_of_line}"GET \/env\?%22 HTTP\/1\.1" 200 \d+ "-" "a\\x22b"\z/, lines[0])
      assert_match(/#{start_of_line}"GET \/nowhere HTTP\/1\.1" 404 \d+ "-" "c"\z/, lines[1])
    end
  end

  def test_workers_share_a_port
    holder = Socket.new(:INET, :STREAM)
    holder.setsockopt(:SOCKET, :REUSEPORT, 1)
    holder.bind(Addrinfo.tcp("127.0.0.1", 0))
    port = holder.local_address.ip_port
    server = start("rack.ru", "Workers=2", "Listen=tcp://127.0.0.1:#{port}")
    server.wait_for(/(listening.*){2}/m)
    load { |client, _| assert_equal(true, JSON.parse(client.get("/env").body)["rack.multiprocess"]) }
    assert_predicate(server.stop, :success?)
  ensure
    holder.close
  end

  def test_sinatra
    skip "there is no Sinatra; apt-get install ruby-sinatra" unless system(RbConfig.ruby, "-e", "require 'sinatra/base'", err: File::NULL)

    [[], ["Threads=4"]].each do |options|
      server = start("sinatra.ru", *options)
      stream = Array.new(300) { |number| "#{number}\n" }.join
      load do |client, number|
        10.times do |turn|
          assert_equal("hello n#{number} 127.0.0.1", client.get("/hello/n#{number}").body)
          assert_equal({"a" => turn.to_s, "b" => "c d"}, JSON.parse(client.get("/query?a=#{turn}&b=c+d").body))
          body = Random.bytes(150_000 + turn)
          assert_equal(Digest::SHA256.hexdigest(body), client.post("/digest", body, "Content-Type" => "application/octet-stream").body)
          assert_equal(stream, client.get("/stream").body)
        end
      end
      assert_equal("1 and 2 3", server.post("/form", "one=1&two=2+3", "Content-Type" => "application/x-www-form-urlencoded").body)
      assert_equal(["418", "stout", "a teapot"], server.get("/teapot").then { |answer| [answer.code, answer["x-short"], answer.body] })
      assert_equal(["302", 2], server.get("/cookies").then { |answer| [answer.code, answer.get_fields("set-cookie").size] })
      file = File.binread(File.join(RackServerProcess::APPS, "sinatra.ru"))
      assert_equal(file, server.get("/file").body.b)
      assert_equal(["206", file[2..9]], server.get("/file", "Range" => "bytes=2-9").then { |answer| [answer.code, answer.body.b] })
      assert_equal("500", server.get("/raise").code)
      assert_equal("404", server.get("/nowhere").code)
      server.stop
    end
  end
end

# SPEC of Rack 3: own test of the contract, as no Rack 3 is at hand.
class Rack3Test < Minitest::Test
  def teardown
    @server&.stop
  end

  [0, 4].each do |threads|
    define_method("test_what_is_new_in_rack_3_with_#{threads}_threads") do
      @server = server = RackServerProcess.new(RbConfig.ruby, File.join(RackServerProcess::APPS, "rack3.rb"), "tcp://127.0.0.1:0", threads.to_s)
      answer = server.get("/")
      assert_equal(["hello", %w[a=1 b=2], nil], [answer.body, answer.get_fields("set-cookie"), answer["rack.private"]])
      server.wait_for(/finished 200 \["set-cookie", "rack.private"\] NilClass/)
      assert_equal("one\ntwo\nBODY", server.post("/stream", "body").body)
      server.wait_for(/stream is closed: true\nclosed stream\nclosed the streaming one/)
      assert_equal((0...1000).map { |number| (number % 251).chr.b * 65_536 }.join, server.get("/proc").body.b)
      assert_equal("500", server.get("/raise").code)
      server.wait_for(/finished  nil RuntimeError/)
    end
  end
end
