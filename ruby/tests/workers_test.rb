# frozen_string_literal: true

# Workers: forked processes that serve one port, are started again when they die and end when the parent is told to. Each test runs a
# parent of its own, because signals and children concern a whole process.
require_relative "support"
require "open3"
require "rbconfig"
require "socket"

class WorkersTest < Minitest::Test
  PARENT = <<~'RUBY'
    require "tidemill"
    $stdout.sync = true

    class Tell < Tidemill::Connection
      def on_open = write("#{Process.pid}\n")
      def on_data(data) = (exit!(3) if data == "die\n")

      def on_shutdown
        write("bye\n")
        close
      end
    end

    SERVE = lambda do |reactor, index|
      reactor.listen("tcp://127.0.0.1:#{PORT}", Tell, reuse_port: true)
      puts "up #{index} #{Process.pid}"
    end
  RUBY

  def setup
    # Reserves a port for those who share it.
    @holder = Socket.new(:INET, :STREAM)
    @holder.setsockopt(:SOCKET, :REUSEPORT, 1)
    @holder.bind(Addrinfo.tcp("127.0.0.1", 0))
    @port = @holder.local_address.ip_port
  end

  def teardown
    @holder.close
  end

  # Yields its standard output and its process id; answers what it printed afterwards.
  def parent(code)
    Open3.popen2(RbConfig.ruby, *$LOAD_PATH.flat_map { |path| ["-I", path] }, "-e", "#{PARENT}\nPORT = #{@port}\n#{code}") do |input, output, thread|
      input.close
      yield output, thread.pid
      rest = output.read
      assert(thread.value.success?, rest)
      return rest
    end
  end

  def pids(output, count)
    Array.new(count) { output.gets.split.drop(1).map(&:to_i) }.to_h
  end

  def refute_alive(pid)
    assert_raises(Errno::ESRCH) { Process.kill(0, pid) }
  end

  def test_a_dead_worker_is_started_again_and_the_parent_leaves_no_children
    all = []
    rest = parent('Tidemill::Workers.new(2, SERVE, deadline: 5).run; puts "ended"') do |output, pid|
      before = pids(output, 2)
      dead = TCPSocket.open("127.0.0.1", @port) do |client|
        told = client.gets.to_i
        client.write("die\n")
        client.read
        told
      end
      index, fresh = pids(output, 1).first
      assert_equal(before[index], dead)
      refute_equal(fresh, dead)
      all = [*before.values, fresh]
      Process.kill("TERM", pid)
    end
    assert_equal("ended\n", rest)
    all.each { |pid| refute_alive(pid) }
  end

  def test_connections_spread_evenly
    parent("Tidemill::Workers.new(2, SERVE, deadline: 5).run") do |output, pid|
      workers = pids(output, 2)
      asked = Array.new(300) { TCPSocket.open("127.0.0.1", @port) { |client| client.gets.to_i } }.tally
      assert_equal(workers.values.sort, asked.keys.sort)
      assert_operator(asked.values.min, :>, 90) # the system's hash scatters around 150; 90 is seven deviations away
      Process.kill("TERM", pid)
    end
  end

  def test_sigint_drains
    rest = parent('Tidemill::Workers.new(1, deadline: 60, &SERVE).run; puts "ended"') do |output, pid|
      pids(output, 1)
      TCPSocket.open("127.0.0.1", @port) do |client|
        client.gets
        Process.kill("INT", pid)
        assert_equal("bye\n", client.gets)
      end
    end
    assert_equal("ended\n", rest)
  end

  def test_workers_that_cannot_run_are_given_up
    rest = parent(<<~'RUBY') { nil }
      Tidemill::Workers.class_eval do
        remove_const(:FIRST_DELAY)
        const_set(:FIRST_DELAY, 0.001)
        remove_const(:LONGEST_DELAY)
        const_set(:LONGEST_DELAY, 0.001)
      end
      begin
        Tidemill::Workers.new(1) { print "."; exit(7) }.run
      rescue Tidemill::LimitError => error
        puts error.message
      end
    RUBY
    assert_equal("#{"." * 10}worker 0 died 10 times in a row soon after its start, the last time with exit code 7\n", rest)
  end

  def test_workers_that_finish_are_not_started_again
    rest = parent(<<~'RUBY') { nil }
      own = fork { exit!(5) }  # a child that is not the workers' business
      Tidemill::Workers.new(3) { print "." }.run
      Process.wait(own)
      puts $?.exitstatus
    RUBY
    assert_equal("...5\n", rest)
  end

  def test_arguments
    assert_raises(Tidemill::ArgumentError) { Tidemill::Workers.new(-1) {} }
    assert_raises(Tidemill::ArgumentError) { Tidemill::Workers.new(1, deadline: -1) {} }
    assert_raises(ArgumentError) { Tidemill::Workers.new(1) }
    assert_raises(TypeError) { Tidemill::Workers.new(1, 5) }
  end
end
