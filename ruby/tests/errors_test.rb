# frozen_string_literal: true

# Bad input and trouble: each is an exception that says what was being done, to whom and why; nothing is lost and nothing is caught that is
# not ours.
require_relative "support"
require "socket"
require "stringio"
require "tmpdir"

class BadInput < Minitest::Test
  def setup
    @reactor = Tidemill::Reactor.new
  end

  def test_wrong_types_are_type_errors
    assert_raises(TypeError) { @reactor.listen(8080, Recorder) }
    assert_raises(TypeError) { @reactor.listen(Support.memory_endpoint, Recorder, backlog: "many") }
    assert_raises(TypeError) { @reactor.connect(nil, Recorder) }
    assert_raises(TypeError) { @reactor.call_later("soon") {} }
    assert_raises(TypeError) { @reactor.run_once("soon") }
    assert_raises(TypeError) { Tidemill::Reactor.new(poller: 1) }
    client, = pair(@reactor)
    assert_raises(TypeError) { client.set_watermarks("low", "high") }
    assert_raises(TypeError) { client.set_idle_timeout(nil) }
  end

  def test_cookies_are_true_or_a_jar_of_the_same_reactor
    [1, "yes", {}].each { |wrong| assert_raises(TypeError) { Tidemill::HttpClient.new(reactor: @reactor, cookies: wrong) } }
    jar = Tidemill::CookieJar.new(reactor: @reactor)
    assert_raises(Tidemill::ArgumentError) { Tidemill::HttpClient.new(reactor: Tidemill::Reactor.new, cookies: jar) }
    assert_raises(Tidemill::ArgumentError) { jar.set("nonsense", "a=1") }
    assert_raises(TypeError) { jar.set("http://a/", nil) }
    assert_same(jar, Tidemill::HttpClient.new(reactor: @reactor, cookies: jar).cookies)
    assert_instance_of(Tidemill::CookieJar, Tidemill::HttpClient.new(reactor: @reactor, cookies: true).cookies)
    assert_nil(Tidemill::HttpClient.new(reactor: @reactor).cookies)
    assert_raises(NoMethodError) { Tidemill::Cookie.new }
  end

  def test_what_cannot_be_called_is_a_type_error
    assert_raises(TypeError) { @reactor.next_tick(3) }
    assert_raises(TypeError) { @reactor.post("f") }
    assert_raises(TypeError) { @reactor.call_later(0, :f) }
    assert_raises(TypeError) { @reactor.run(3) }
    assert_raises(TypeError) { @reactor.set_error_handler(3) }
    assert_raises(TypeError) { @reactor.listen(Support.memory_endpoint, 3) }
    assert_raises(TypeError) { @reactor.listen(Support.memory_endpoint, String) }
    assert_raises(TypeError) { @reactor.connect("memory://x", Object.new) }
  end

  def test_a_missing_block_and_one_too_many_are_argument_errors
    assert_raises(ArgumentError) { @reactor.next_tick }
    assert_raises(ArgumentError) { @reactor.call_every(1) }
    assert_raises(ArgumentError) { @reactor.listen(Support.memory_endpoint) }
    assert_raises(ArgumentError) { @reactor.post(-> {}) {} }
    assert_raises(ArgumentError) { @reactor.connect("memory://x", Recorder) { Recorder.new } }
  end

  def test_values_that_cannot_work_are_argument_errors_of_ours
    assert_raises(Tidemill::ArgumentError) { @reactor.call_later(-1) {} }
    assert_raises(Tidemill::ArgumentError) { @reactor.call_every(Float::NAN) {} }
    assert_raises(Tidemill::ArgumentError) { Tidemill::Reactor.new(poller: "none") }
    assert_raises(Tidemill::ArgumentError) { Tidemill::Reactor.new(clock: "sun") }
    error = assert_raises(Tidemill::ArgumentError) { @reactor.listen("tcp:/127.0.0.1", Recorder) }
    assert_equal(["argument", "listen", "tcp:/127.0.0.1", 0], [error.code, error.operation, error.endpoint, error.errno])
    assert_raises(Tidemill::ArgumentError) { @reactor.listen("unix:///#{"x" * 200}", Recorder) }
  end

  def test_any_number_is_good_for_seconds
    fired = []
    @reactor.call_later(1r / 1000) { fired << :rational }
    @reactor.call_later(0) { fired << :integer }
    @reactor.run
    assert_equal(%i[integer rational], fired)
  end

  def test_a_port_in_use_says_operation_endpoint_and_errno
    taken = TCPServer.new("127.0.0.1", 0)
    endpoint = "tcp://127.0.0.1:#{taken.addr[1]}"
    error = assert_raises(Tidemill::OsError) { @reactor.listen(endpoint, Recorder) }
    assert_kind_of(Tidemill::Error, error)
    assert_equal(["os", "listen", endpoint, Errno::EADDRINUSE::Errno, "EADDRINUSE"],
                 [error.code, error.operation, error.endpoint, error.errno, error.errno_name])
    ["listen", endpoint, "EADDRINUSE"].each { |part| assert_includes(error.message, part) }
  ensure
    taken&.close
  end

  def test_a_missing_folder_says_so
    error = assert_raises(Tidemill::OsError) { @reactor.listen("unix:///nowhere/at/all", Recorder) }
    assert_equal("ENOENT", error.errno_name)
  end

  def test_a_mode_sets_the_permissions_of_the_file
    Dir.mktmpdir do |folder|
      @reactor.listen("unix://#{folder}/s", Recorder, mode: 0o600)
      assert_equal(0o600, File.stat("#{folder}/s").mode & 0o777)
    end
  end

  def test_write_takes_strings_of_any_encoding_as_octets
    client, accepted, = pair(@reactor)
    assert_equal(true, client.write("gr\u00fc\u00df"))
    client.write("\0\xff".b)
    client.write("x".encode("UTF-16LE"))
    client.write("frozen".freeze)
    client.write("")
    turns(@reactor)
    data = accepted[0].seen.filter_map { |event, octets| octets if event == :on_data }
    assert_equal("gr\u00fc\u00df".b + "\0\xff".b + "x\0".b + "frozen".b, data.join)
    data.each { |octets| assert_equal([Encoding::BINARY, false], [octets.encoding, octets.frozen?]) }
    [nil, 3, :x, ["x"]].each { |wrong| assert_raises(TypeError) { client.write(wrong) } }
  end

  def test_write_before_and_after_the_stream_is_an_error
    error = assert_raises(Tidemill::StateError) { Recorder.new.write("x") }
    assert_equal(%w[state write], [error.code, error.operation])
    client, = pair(@reactor)
    client.close
    assert_raises(Tidemill::ClosedError) { client.write("x") }
    turns(@reactor)
    assert_raises(Tidemill::ClosedError) { client.write("x") }
    assert_nil(client.close)
    assert_raises(Tidemill::StateError) { Recorder.new.close }
  end

  def test_a_new_object_has_the_properties_of_a_new_object
    connection = Recorder.new
    assert_equal(["new", "", "", 0, 0, nil], %i[state peer local id pending reactor].map { |name| connection.public_send(name) })
    assert_equal("#<Support::Recorder new>", connection.inspect)
  end

  def test_an_object_in_use_cannot_be_connected_again_until_it_is_closed
    client, _, listener = pair(@reactor)
    assert_raises(Tidemill::StateError) { @reactor.connect(listener.endpoint, client) }
    assert_equal("open", client.state)
    client.close
    turns(@reactor)
    assert_same(client, @reactor.connect(listener.endpoint, client))
    turns(@reactor)
    assert_equal("open", client.state)
  end

  def test_a_factory_that_makes_something_else_is_a_type_error
    listener = @reactor.listen(Support.memory_endpoint) { "no connection" }
    client = @reactor.connect(listener.endpoint, Recorder)
    assert_raises(TypeError) { turns(@reactor) }
    turns(@reactor)
    assert_equal("closed", client.state)
    assert_raises(TypeError) { @reactor.connect(listener.endpoint) { 3 } }
  end

  def test_listener_and_timer_are_made_by_a_reactor_only
    assert_raises(NoMethodError) { Tidemill::Listener.new }
    assert_raises(NoMethodError) { Tidemill::Timer.new }
    assert_raises(NameError) { Tidemill::Core }
  end

  def test_wrong_objects_cannot_be_passed_off_as_connections
    core = Tidemill.const_get(:Core)
    assert_raises(TypeError) { core.connection_close(Object.new) }
    assert_raises(TypeError) { core.connection_close(nil) }
    assert_raises(TypeError) { core.adopt(3, @reactor) }
  end
end

class Raising < Minitest::Test
  class Boom < StandardError; end

  def setup
    @reactor = Tidemill::Reactor.new
  end

  # A client whose on_data raises what it is told to.
  def bad_client(&raising)
    Class.new(Recorder) { define_method(:on_data) { |data| instance_exec(data, &raising) } }
  end

  def provoke(client_class)
    client, accepted, = pair(@reactor, client: client_class)
    accepted[0].write("x")
    client
  end

  def test_the_exception_leaves_run_with_its_own_backtrace
    client = provoke(bad_client { raise Boom, "in on_data" })
    error = assert_raises(Boom) { @reactor.run }
    assert_includes(error.backtrace[0], "errors_test.rb")
    refute_nil(error.backtrace.find { |line| line.include?("in `run'") })
    turns(@reactor)
    assert_kind_of(Tidemill::CancelledError, client.seen.last[1])
  end

  def test_ticks_timers_and_posts_leave_run_and_it_can_run_again
    ran = []
    @reactor.next_tick { raise Boom, "tick" }
    @reactor.call_later(0) { raise Boom, "timer" }
    @reactor.post { raise Boom, "post" }
    @reactor.next_tick { ran << :next }
    3.times { ran << assert_raises(Boom) { @reactor.run }.message }
    @reactor.run
    assert_equal(%w[next post tick timer], ran.map(&:to_s).sort)
  end

  def test_on_error_takes_it_and_the_connection_goes_on
    taken = []
    client_class = bad_client { raise Boom, "x" }
    client_class.define_method(:on_error) { |error| taken << [error.class, $!.equal?(error)] }
    client = provoke(client_class)
    turns(@reactor)
    assert_equal([[Boom, true]], taken)
    assert_equal("open", client.state)
    assert_nil($!)
  end

  def test_the_error_handler_gets_error_and_connection
    taken = []
    @reactor.set_error_handler { |error, connection| taken << [error.message, connection] }
    client = provoke(bad_client { raise Boom, "x" })
    @reactor.next_tick { raise Boom, "tick" }
    turns(@reactor)
    assert_equal([["tick", nil], ["x", client]], taken.sort_by(&:first))
    @reactor.set_error_handler
    @reactor.next_tick { raise Boom, "again" }
    assert_raises(Boom) { @reactor.run_once }
  end

  def test_on_error_that_raises_passes_its_own_on_with_the_first_as_cause
    client_class = bad_client { raise Boom, "first" }
    client_class.define_method(:on_error) { |_| raise "second" }
    provoke(client_class)
    error = assert_raises(RuntimeError) { turns(@reactor) }
    assert_equal(%w[second first], [error.message, error.cause.message])
  end

  def test_a_second_exception_in_the_same_turn_is_reported
    client, = pair(@reactor, client: Class.new(Recorder) { def on_close(_) = raise("second") })
    @reactor.next_tick do
      @reactor.stop
      raise Boom, "first"
    end
    before, $stderr = $stderr, StringIO.new
    assert_equal("first", assert_raises(Boom) { @reactor.run }.message)
    assert_includes($stderr.string, "second")
    assert_equal("closed", client.state)
  ensure
    $stderr = before
  end

  def test_exit_and_other_non_standard_errors_leave_at_once_and_abort_nothing
    asked = []
    @reactor.set_error_handler { |error| asked << error }
    [SystemExit, NotImplementedError, NoMemoryError, Class.new(Exception)].each do |kind|
      client = provoke(bad_client { raise kind, "x" })
      assert_raises(kind) { @reactor.run }
      turns(@reactor)
      assert_equal("open", client.state)
    end
    assert_empty(asked)
  end

  def test_a_raising_factory_refuses_the_stream
    listener = @reactor.listen(Support.memory_endpoint) { raise Boom }
    client = @reactor.connect(listener.endpoint, Recorder)
    assert_raises(Boom) { turns(@reactor) }
    turns(@reactor)
    assert_equal("closed", client.state)
  end

  def test_throw_break_and_return_go_where_they_want
    assert_equal(42, catch(:done) { @reactor.run { throw :done, 42 } })
    assert_equal(43, @reactor.run { break 43 })
    assert_equal(44, returned)
    client = provoke(bad_client { throw :done, 45 })
    assert_equal(45, catch(:done) { @reactor.run })
    assert_equal("open", client.state)
    refute_predicate(@reactor, :running?)
  end

  def returned
    @reactor.run { return 44 }
    :never
  end

  def test_a_throw_after_stop_arrives_though_on_close_raises_and_rescues
    noisy = Class.new(Recorder) do
      def on_close(_)
        seen << :on_close
        begin
          raise "inner"
        rescue StandardError
          GC.start
        end
        raise "outer"
      end
    end
    clients = Array.new(3) { pair(@reactor, client: noisy)[0] }
    before, $stderr = $stderr, StringIO.new
    arrived = catch(:done) do
      @reactor.run do
        @reactor.stop
        throw :done, :arrived
      end
    end
    assert_equal(:arrived, arrived)
    clients.each { |client| assert_equal(:on_close, client.seen.last) }
    assert_equal(3, $stderr.string.scan("outer (RuntimeError)").size)
  ensure
    $stderr = before
  end

  def test_a_throw_takes_the_place_of_an_exception_before_it
    thrower = Class.new(Recorder) { def on_close(_) = throw(:done, :thrown) }
    pair(@reactor, client: thrower)
    before, $stderr = $stderr, StringIO.new
    arrived = catch(:done) do
      @reactor.run do
        @reactor.stop
        raise Boom, "before it"
      end
    end
    assert_equal(:thrown, arrived)
    assert_includes($stderr.string, "before it")
  ensure
    $stderr = before
  end

  def test_nested_reactors_pass_everything_on
    inner = Tidemill::Reactor.new
    @reactor.next_tick { inner.run { raise Boom, "from within" } }
    assert_raises(Boom) { @reactor.run }
    @reactor.next_tick { inner.run { throw :done, 1 } }
    assert_equal(1, catch(:done) { @reactor.run })
    @reactor.next_tick { assert_raises(Boom) { inner.run { raise Boom } } }
    @reactor.run
  end

  def test_running_twice_is_a_state_error
    errors = []
    @reactor.run { errors << assert_raises(Tidemill::StateError) { @reactor.run { errors << :never } } }
    assert_equal(["run"], errors.map(&:operation))
  end
end
