# frozen_string_literal: true

# Objects live exactly as long as their connection; cycles are collected; nothing grows; the collector may move and stress what it likes.
require_relative "support"

class Lifetimes < Minitest::Test
  # Connections are counted by what made them, so that each test counts its own.
  def alive(kind)
    GC.start
    ObjectSpace.each_object(kind).count
  end

  # The stack of a conservative collector may hold a stray reference or two.
  def assert_few_alive(kind, most = 2)
    assert_operator(alive(kind), :<=, most)
  end

  def resident_kilobytes
    GC.start
    File.read("/proc/self/status")[/VmRSS:\s+(\d+)/, 1].to_i
  end

  def test_handlers_live_while_open_and_go_after_close
    server, client = Class.new(Recorder), Class.new(Recorder)
    reactor = Tidemill::Reactor.new
    apart do
      listener = reactor.listen(Support.memory_endpoint, server)
      200.times { reactor.connect(listener.endpoint, client) }
      turns(reactor)
      nil
    end
    assert_equal([200, 200], [alive(server), alive(client)])
    apart do
      ObjectSpace.each_object(client).first(120).each(&:close)
      turns(reactor)
      nil
    end
    assert_operator(alive(server), :<=, 82)
    assert_operator(alive(client), :<=, 82)
    assert_equal(160, reactor.instance_variable_get(:@open).size)
    reactor.stop
    reactor.run
    assert_few_alive(server)
    assert_few_alive(client)
    assert_empty(reactor.instance_variable_get(:@open))
  end

  def test_a_dropped_reactor_goes_with_its_open_connections
    kind, reactor_kind = Class.new(Recorder) { attr_accessor :again }, Class.new(Tidemill::Reactor)
    descriptors = Dir["/proc/self/fd/*"].size
    10.times do
      apart do
        reactor = reactor_kind.new
        client, = pair(reactor, server: kind, client: kind)
        client.again = reactor  # a cycle through the user's own variable
        reactor.call_later(1000) { reactor.now }
        reactor.set_error_handler { reactor }
        nil
      end
    end
    assert_few_alive(kind, 4)
    assert_few_alive(reactor_kind)
    assert_operator(Dir["/proc/self/fd/*"].size, :<=, descriptors + 8)
  end

  def test_a_connection_that_outlives_its_reactor_is_closed_and_harmless
    core = Tidemill.const_get(:Core)
    clients = Array.new(10) do
      apart do
        client, = pair(Tidemill::Reactor.new)
        core.adopt(client, nil)
        client
      end
    end
    GC.start
    closed = clients.select { |client| client.state == "closed" }
    assert_operator(closed.size, :>=, 8)
    closed.each do |client|
      assert_raises(Tidemill::ClosedError) { client.write("x") }
      client.close
    end
  end

  def test_initialize_without_super_is_fine
    forgetful = Class.new(Recorder) { def initialize; @word = "w"; end }
    client, = pair(Tidemill::Reactor.new, client: forgetful)
    assert_equal("open", client.state)
    greedy = Class.new(Tidemill::Connection) { def initialize(*words, key: 0); super; end }
    assert_equal("new", greedy.new(1, 2, key: 3).state)
  end

  def test_a_copy_is_a_new_connection
    client, = pair(Tidemill::Reactor.new)
    copy = client.dup
    assert_equal("new", copy.state)
    assert_raises(Tidemill::StateError) { copy.write("x") }
    assert_equal("open", client.state)
  end

  def test_callbacks_may_be_private_singleton_or_replaced_at_run_time
    client, accepted, = pair(Tidemill::Reactor.new)
    got = []
    client.define_singleton_method(:on_data) { |data| got << data }
    client.singleton_class.send(:private, :on_data)
    accepted[0].write("x")
    turns(client.reactor)
    assert_equal(["x"], got)
  end

  def test_an_echo_survives_a_collection_at_every_allocation
    reactor = Tidemill::Reactor.new
    received = +""
    client, = pair(reactor, server: Echo, client: Class.new(Recorder) { define_method(:on_data) { |data| received << data } })
    GC.stress = true
    5.times do |i|
      client.write("message #{i};")
      reactor.call_later(0) { client.write("timer;") }
      reactor.next_tick { client.write("tick;") }
      reactor.post { client.write("post;") }
      turns(reactor)
    end
    reactor.next_tick { raise "x" }
    assert_raises(RuntimeError) { reactor.run_once }
    assert_equal(3, catch(:done) { reactor.run { throw :done, 3 } })
    assert_raises(Tidemill::OsError) { reactor.listen("unix:///nowhere/at/all", Echo) }
    client.close
    turns(reactor)
    GC.stress = false
    assert_equal("closed", client.state)
    5.times { |i| assert_includes(received, "message #{i};") }
    assert_equal(5, received.scan("timer;").size)
  ensure
    GC.stress = false
  end

  # GC.compact moves what happens to lie well for it; this moves everything that may be moved.
  def move_everything
    room = RUBY_VERSION < "3.2" ? :double_heap : :expand_heap
    GC.verify_compaction_references(toward: :empty, room => true)
  end

  def test_connections_survive_being_moved
    reactor = Tidemill::Reactor.new
    listener = reactor.listen(Support.memory_endpoint, Echo)
    clients = Array.new(200) { Recorder.new }
    move_everything  # before they are open, because what a reactor has open is not moved
    clients.each { |client| reactor.connect(listener.endpoint, client) }
    turns(reactor)
    3.times do |round|
      GC.compact
      reactor.next_tick { GC.compact }
      clients.each { |client| client.write("round #{round};") }
      turns(reactor)
    end
    clients.each do |client|
      assert_equal("round 0;round 1;round 2;", client.seen.filter_map { |event, data| data if event == :on_data }.join)
      assert_same(reactor, client.reactor)
    end
  end

  def test_everything_survives_compaction_at_every_collection
    GC.auto_compact = true
    reactor = Tidemill::Reactor.new
    clients = Array.new(200) { pair(reactor, server: Echo)[0] }
    20.times do
      clients.each { |client| client.write("x" * 1000) }
      turns(reactor)
      GC.start
    end
    clients.each { |client| assert_equal(20_000, client.seen.sum { |_, data| data.to_s.size }) }
  ensure
    GC.auto_compact = false
  end

  def test_hundred_thousand_connections_leave_nothing
    reactor = Tidemill::Reactor.new
    kind = Class.new(Tidemill::Connection) { def on_open = write("hello") }
    server = Class.new(Tidemill::Connection) { def on_data(_) = close }
    listener = reactor.listen(Support.memory_endpoint, server)
    round = lambda do
      1000.times { reactor.connect(listener.endpoint, kind) }
      turns(reactor)
    end
    10.times { round.call }
    before = resident_kilobytes
    90.times { round.call }
    assert_operator(resident_kilobytes - before, :<, 8 * 1024)
    assert_few_alive(kind, 50)
    assert_few_alive(server, 50)
    assert_empty(reactor.instance_variable_get(:@open))
    assert_equal(1, reactor.instance_variable_get(:@factories).size)
  end

  def test_hundred_thousand_errors_leave_nothing
    reactor = Tidemill::Reactor.new
    round = lambda do
      1000.times do
        reactor.next_tick { raise "x" }
        begin
          reactor.run_once
        rescue RuntimeError
          nil
        end
      end
    end
    10.times { round.call }
    before = resident_kilobytes
    90.times { round.call }
    assert_operator(resident_kilobytes - before, :<, 8 * 1024)
  end

  def test_an_exception_on_its_way_out_survives_collections
    reactor = Tidemill::Reactor.new
    hungry = Class.new(Recorder) { def on_close(_) = GC.start && Array.new(10_000) { Object.new } }
    20.times { pair(reactor, client: hungry) }
    apart do
      reactor.next_tick do
        reactor.stop
        raise IOError, "still #{"there".dup}"
      end
    end
    error = assert_raises(IOError) { reactor.run }
    assert_equal("still there", error.message)
  end

  def test_the_interpreter_may_end_with_everything_open
    output, status = program(<<~RUBY)
      class Echo < Tidemill::Connection
        def on_data(data) = write(data)
        def on_close(reason) = puts("no callback is due here")
      end
      listener = Tidemill.listen("tcp://127.0.0.1:0", Echo)
      $client = Tidemill.connect(listener.endpoint, Echo)
      Tidemill.call_later(1000) { }
      Tidemill.default_reactor.run_once(1) until $client.state == "open"
      at_exit { puts $client.state }
      Tidemill.run { exit(3) }
    RUBY
    assert_equal(["open\n", 3], [output, status.exitstatus])
  end
end
