# frozen_string_literal: true

# Processes, watches and the standard input from Ruby.
require_relative "support"
require "open3"
require "socket"
require "tmpdir"

class Spawning < Minitest::Test
  class Child < Tidemill::Process
    attr_reader :out, :err, :ended

    def initialize # on purpose without super
      @out = +""
      @err = +""
    end

    def on_stdout(data)
      @out << data
    end

    def on_stderr(data)
      @err << data
    end

    def on_exit(code, signal)
      @ended = [code, signal]
    end
  end

  def setup
    @reactor = Tidemill::Reactor.new
  end

  def test_streams_and_codes
    child = @reactor.spawn(["sh", "-c", "cat; echo err >&2; exit 3"], Child, stderr: "pipe")
    assert(child.running?)
    assert_operator(child.pid, :>, 0)
    assert(child.write("a\0b"))
    child.close_stdin
    @reactor.run
    assert_equal(["a\0b", "err\n", [3, nil]], [child.out, child.err, child.ended])
    refute(child.running?)
    refute(child.kill)
    assert_raises(Tidemill::ClosedError) { child.write("x") }
  end

  def test_a_block_makes_it_and_a_signal_ends_it
    child = @reactor.spawn(%w[sleep 1000]) { Child.new }
    assert_raises(Tidemill::ArgumentError) { child.kill("NONSENSE") }
    assert_raises(Tidemill::StateError) { @reactor.spawn(["true"], child) }
    assert(child.kill(:KILL))
    @reactor.run
    assert_equal([nil, "KILL"], child.ended)
  end

  def test_what_cannot_be_started
    error = assert_raises(Tidemill::OsError) { @reactor.spawn(["/nonexistent"], Child) }
    assert_equal("ENOENT", error.errno_name)
    assert_raises(Tidemill::ArgumentError) { @reactor.spawn(["a\0b"], Child) }
    assert_raises(Tidemill::ArgumentError) { @reactor.spawn([], Child) }
    assert_raises(Tidemill::ArgumentError) { @reactor.spawn(["true"], Child, stdin: "nonsense") }
    assert_raises(TypeError) { @reactor.spawn("true", Child) }
    assert_raises(TypeError) { @reactor.spawn(["true"], Tidemill::Connection) }
    @reactor.run
  end

  def test_environment_directory_and_shell
    child = @reactor.spawn("echo $A; pwd; echo two >&2", Child, shell: true, environment: {"A" => "1 2"}, cwd: "/proc", stderr: "stdout")
    @reactor.run
    assert_equal("1 2\n/proc\ntwo\n", child.out)
  end

  def test_stop_while_it_runs
    child = @reactor.spawn(%w[sleep 1000], Child, kill_on_stop: "KILL")
    @reactor.next_tick { @reactor.stop }
    @reactor.run
    assert_equal([nil, nil], child.ended)
  end

  def test_files
    Dir.mktmpdir do |folder|
      seen = []
      watch = @reactor.watch_file(folder) { |event, name| seen << [event, name] }
      File.write(File.join(folder, "a"), "")
      5.times { @reactor.run_once(0.02) }
      assert_equal(%w[created a], seen[0])
      watch.close
      @reactor.run
      refute(watch.open?)
    end
    assert_raises(Tidemill::OsError) { @reactor.watch_file("/nonexistent") { nil } }
  end

  def test_processes
    other = fork { exit!(5) }
    seen = []
    watch = @reactor.watch_process(other) { |pid| seen << pid }
    @reactor.run
    assert_equal([[other], false], [seen, watch.open?])
    assert_equal(5, Process.wait2(other).last.exitstatus)
  end

  def test_descriptors
    ours, theirs = UNIXSocket.pair
    seen = []
    watch = nil
    readable = lambda do
      seen << ours.recv(10)
      watch.set_writable(true)
    end
    writable = lambda do
      seen << "writable"
      watch.close
    end
    watch = @reactor.watch_fd(ours, on_readable: readable, on_writable: writable)
    watch.set_writable(false)
    theirs.write("x")
    @reactor.run
    assert_equal([["x", "writable"], ours.fileno], [seen, watch.fd])
    assert_raises(Tidemill::ArgumentError) { @reactor.watch_fd(ours) }
  end

  def test_the_standard_input
    program = <<~RUBY
      require "tidemill"
      class Input < Tidemill::Connection
        def on_data(data) = p(data)
        def on_close(reason) = p(reason)
      end
      reactor = Tidemill::Reactor.new
      reactor.open_input(Input, raw: true)
      reactor.run
    RUBY
    output, status = Open3.capture2(RbConfig.ruby, *$LOAD_PATH.map { |path| "-I#{path}" }, "-e", program, stdin_data: "words")
    assert_predicate(status, :success?)
    assert_equal("\"words\"\nnil\n", output)
  end
end
