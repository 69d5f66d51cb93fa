# frozen_string_literal: true

# Threads, signals, forks and time limits: what else goes on in the process of a loop.
require_relative "support"
require "socket"

class Threads < Minitest::Test
  def setup
    @reactor = Tidemill::Reactor.new
    @reactor.listen(Support.memory_endpoint, Recorder)  # something to wait for
  end

  def test_other_threads_run_while_the_loop_waits_and_post_wakes_it
    worked = 0
    worker = Thread.new do
      Thread.pass until @reactor.running?
      1000.times { worked += 1 }
      @reactor.post { @reactor.stop }
    end
    @reactor.run
    assert_equal(1000, worked)
    worker.join
  end

  def test_posts_of_many_threads_all_arrive_each_thread_s_in_order
    got = []
    threads = Array.new(8) do |thread|
      Thread.new { 500.times { |i| @reactor.post { got << [thread, i] } } }
    end
    closer = Thread.new { threads.each(&:join) && @reactor.post { @reactor.stop } }
    @reactor.run
    closer.join
    assert_equal(4000, got.size)
    got.group_by(&:first).each_value { |mine| assert_equal((0...500).to_a, mine.map(&:last)) }
  end

  def test_the_calls_of_a_foreign_thread_are_state_errors
    client, = pair(@reactor)
    calls = [-> { @reactor.stop }, -> { @reactor.next_tick {} }, -> { @reactor.call_later(1) {} }, -> { client.write("x") },
             -> { client.close }, -> { client.abort }, -> { @reactor.connect("memory://1", Recorder) }]
    errors = Thread.new do
      calls.map do |call|
        call.call
      rescue Tidemill::StateError => error
        error.message
      end
    end.value
    errors.each { |error| assert_match(/another thread/, error.to_s) }
    assert_equal("open", client.state)
  end

  def test_running_it_in_two_threads_is_a_state_error
    problem = Queue.new
    other = Thread.new do
      Thread.pass until @reactor.running?
      problem << assert_raises(Tidemill::StateError) { @reactor.run { problem << :never } }
      @reactor.post { @reactor.stop }
    end
    @reactor.run
    other.join
    assert_match(/another thread/, problem.pop.message)
    assert_empty(problem)
  end

  def test_a_reactor_may_move_to_the_thread_that_runs_it
    ran = Thread.new { [@reactor.run { @reactor.stop }, Thread.current] }.value
    assert_nil(ran[0])
    assert_raises(Tidemill::StateError) { @reactor.next_tick {} }
    @reactor.run { @reactor.stop }
  end

  def test_each_thread_has_its_own_default_reactor
    mine = Tidemill.default_reactor
    assert_same(mine, Tidemill.default_reactor)
    refute_same(mine, Thread.new { Tidemill.default_reactor }.value)
  end

  def test_a_killed_thread_leaves_a_waiting_loop_and_its_ensure_runs
    log = Queue.new
    thread = Thread.new do
      @reactor.run
    ensure
      log << :ensured
    end
    Thread.pass until @reactor.running? && thread.status == "sleep"
    thread.kill
    assert_same(thread, thread.join(20))
    assert_equal(:ensured, log.pop)
    refute_predicate(@reactor, :running?)
    @reactor.run { @reactor.stop }
  end

  def test_a_thread_may_kill_itself_in_a_callback
    closed = []
    client_class = Class.new(Recorder) { define_method(:on_close) { |reason| closed << reason.code } }
    client, = pair(@reactor, client: client_class)
    thread = Thread.new do
      @reactor.run do
        @reactor.stop
        Thread.current.kill
      end
      closed << :never
    end
    assert_same(thread, thread.join(20))
    assert_equal(["cancelled"], closed)
    assert_equal("closed", client.state)
  end

  def test_a_time_limit_ends_a_waiting_loop_and_a_busy_callback
    assert_raises(Timeout::Error) { Timeout.timeout(0.05) { @reactor.run } }
    assert_raises(Timeout::Error) { Timeout.timeout(0.05) { @reactor.run { loop { Thread.pass } } } }
    assert_raises(IOError) { Timeout.timeout(0.05, IOError) { @reactor.run } }
    refute_predicate(@reactor, :running?)
    @reactor.run { @reactor.stop }
  end

  def test_an_exception_from_another_thread_ends_a_waiting_loop
    main = Thread.current
    other = Thread.new do
      Thread.pass until @reactor.running? && main.status == "sleep"
      main.raise(IOError, "from outside")
    end
    assert_equal("from outside", assert_raises(IOError) { @reactor.run }.message)
    other.join
  end

  def test_masked_interrupts_wait_without_spinning
    main = Thread.current
    other = Thread.new do
      Thread.pass until @reactor.running?
      main.raise(IOError, "masked")
      @reactor.post { @reactor.stop }
    end
    assert_raises(IOError) do
      Thread.handle_interrupt(IOError => :never) { @reactor.run }
      other.join
      Thread.pass
    end
    refute_predicate(@reactor, :running?)
  end

  def test_a_loop_in_a_fiber_can_be_left_and_entered_again
    steps = []
    fiber = Fiber.new do
      @reactor.run do
        steps << 1
        Fiber.yield
        steps << 3
        @reactor.stop
      end
    end
    fiber.resume
    steps << 2
    fiber.resume
    assert_equal([1, 2, 3], steps)
  end

  def test_fd_shows_posts_timers_and_octets
    outer = IO.for_fd(@reactor.fd, autoclose: false)
    turns(@reactor)
    assert_nil(outer.wait_readable(0))
    fired = []
    Thread.new { @reactor.post { fired << :post } }.join
    @reactor.call_later(0.02) { fired << :timer }
    while fired.size < 2
      refute_nil(outer.wait_readable(20))
      @reactor.poll(0)
    end
    assert_equal(%i[post timer], fired)
    assert_raises(Tidemill::StateError) { Tidemill::Reactor.new(poller: "poll").fd }
  end

  def test_what_stop_dropped_is_not_called_by_a_later_run
    called = []
    2.times { |i| @reactor.post { called << i && @reactor.stop } }
    @reactor.next_tick { called << :tick }
    @reactor.run
    @reactor.run { called << :later }
    assert_equal([:tick, 0, :later], called)
  end
end

class Signals < Minitest::Test
  # A program that prints "ready" when it is about to sleep; it gets the signal once it sleeps.
  def signalled(text, signal = :INT)
    output = +""
    status = running(RbConfig.ruby, "-rtidemill", "-e", text) do |pid, lines|
      output << lines.gets
      Timeout.timeout(20) { Thread.pass until File.read("/proc/#{pid}/stat").split[2] == "S" }
      Process.kill(signal, pid)
      output << lines.read
    end
    [output, status]
  end

  LISTENING = <<~RUBY
    $stdout.sync = true
    Tidemill.listen("memory://x", Tidemill::Connection)
  RUBY

  def test_ctrl_c_wakes_a_sleeping_loop
    output, = signalled(LISTENING + <<~RUBY)
      begin
        Tidemill.run { puts "ready" }
      rescue Interrupt
        puts "interrupted \#{Tidemill.default_reactor.running?}"
      end
    RUBY
    assert_equal("ready\ninterrupted false\n", output)
  end

  def test_ctrl_c_wakes_a_sleeping_loop_beside_other_threads
    output, = signalled(LISTENING + <<~RUBY)
      Thread.new { sleep }
      begin
        Tidemill.run { puts "ready" }
      rescue Interrupt
        puts "interrupted"
      end
    RUBY
    assert_equal("ready\ninterrupted\n", output)
  end

  def test_ctrl_c_in_a_callback_is_not_offered_to_handlers
    output, = signalled(LISTENING + <<~RUBY)
      Tidemill.default_reactor.set_error_handler { puts "never" }
      begin
        Tidemill.run { puts "ready"; sleep }
      rescue Interrupt => error
        puts error.backtrace.any? { |line| line.include?("sleep") }
      end
    RUBY
    assert_equal("ready\ntrue\n", output)
  end

  def test_a_trap_handler_runs_at_once_and_the_loop_goes_on
    output, = signalled(LISTENING + <<~RUBY, :USR1)
      trap(:USR1) { puts "trapped"; Tidemill.default_reactor.post { puts "posted"; Tidemill.stop } }
      Tidemill.run { puts "ready" }
      puts "stopped"
    RUBY
    assert_equal("ready\ntrapped\nposted\nstopped\n", output)
  end

  def test_the_examples_end_cleanly_by_signal
    %w[echo chat].product(%w[INT TERM]).each do |name, signal|
      path = File.expand_path("../../examples/#{name}/#{name}.rb", __dir__)
      status = running(RbConfig.ruby, path, "--listen", "tcp://127.0.0.1:0") do |pid, lines|
        assert_match(%r{\Alistening on tcp://127\.0\.0\.1:\d+\n\z}, lines.gets)
        Process.kill(signal, pid)
        assert_equal("", lines.read)
      end
      assert_equal([name, signal, 0], [name, signal, status.exitstatus])
    end
  end
end

class Forks < Minitest::Test
  # What the block answers in a child, as text.
  def in_child
    reading, writing = IO.pipe
    pid = fork do
      reading.close
      begin
        writing << yield
      rescue Exception => error
        writing << "raised: #{error.full_message(highlight: false)}"
      end
      writing.close
      exit!(0)
    end
    writing.close
    reading.read
  ensure
    Process.wait(pid)
    reading.close
  end

  def error_of
    yield
    "nothing"
  rescue Tidemill::Error => error
    "#{error.class}: #{error.message}"
  end

  def test_a_child_gets_a_clean_error_and_leaves_its_parent_alone
    reactor = Tidemill::Reactor.new
    listener = reactor.listen("tcp://127.0.0.1:0", Echo)
    client = reactor.connect(listener.endpoint, Recorder)
    reactor.run_once(1) until client.state == "open"
    answer = in_child do
      [error_of { reactor.run }, error_of { reactor.stop }, error_of { client.write("x") }, error_of { client.close }].uniq.join("\n")
    end
    answer.each_line { |line| assert_match(/\ATidemill::StateError: .*parent process/, line) }
    client.write("still there")
    reactor.run_once(1) until client.seen.any? { |event,| event == :on_data }
    assert_equal([:on_data, "still there"], client.seen.last)
  end

  def test_a_child_s_default_reactor_is_new_and_works
    mine = Tidemill.default_reactor
    answer = in_child do
      made = Tidemill.default_reactor
      ran = 0
      Tidemill.run { ran += 1 }
      [made.equal?(mine), ran].join(" ")
    end
    assert_equal("false 1", answer)
    assert_same(mine, Tidemill.default_reactor)
  end

  def test_a_fork_inside_a_callback_ends_the_loop_in_the_child_only
    output, = program(<<~RUBY)
      $stdout.sync = true
      Tidemill.call_later(0.05) { puts "timer in \#{Process.pid == $parent ? "parent" : "child"}" }
      $parent = Process.pid
      begin
        Tidemill.run { $child = fork }
      rescue Tidemill::StateError
        puts "child left"
        exit!(0)
      end
      Process.wait($child)
      puts "parent done"
    RUBY
    assert_equal(["child left", "parent done", "timer in parent"], output.lines.map(&:chomp).sort)
  end

  def test_a_child_that_exits_normally_disturbs_nobody
    output, status = program(<<~RUBY)
      class Echo < Tidemill::Connection
        def on_data(data) = write(data)
      end
      class Client < Tidemill::Connection
        def on_open = write("x")
        def on_data(data)
          Process.wait(fork { exit })  # with finalisers
          puts "got \#{data}"
          Tidemill.stop
        end
      end
      Tidemill.connect(Tidemill.listen("tcp://127.0.0.1:0", Echo).endpoint, Client)
      Tidemill.run
    RUBY
    assert_equal(["got x\n", 0], [output, status.exitstatus])
  end
end
