# frozen_string_literal: true

# What the tests share. Each test is bounded in time; none sleeps in order to be right.
require "minitest/autorun"
require "open3"
require "rbconfig"
require "timeout"
require "tidemill"

module Support
  LIMIT = 60

  @last = 0

  def self.memory_endpoint
    "memory://#{@last += 1}"
  end

  # Notes every callback.
  class Recorder < Tidemill::Connection
    def seen
      @seen ||= []
    end

    def on_open
      seen << [:on_open]
    end

    def on_data(data)
      seen << [:on_data, data]
    end

    def on_drain
      seen << [:on_drain]
    end

    def on_end
      seen << [:on_end]
      super
    end

    def on_close(reason)
      seen << [:on_close, reason]
    end
  end

  class Echo < Tidemill::Connection
    def on_data(data)
      write(data)
    end
  end

  # In a fiber, whose stack is gone afterwards with everything that the garbage collector might take for a reference.
  def apart(&block)
    Fiber.new(&block).resume
  end

  def turns(reactor)
    nil while reactor.run_once
  end

  # A connected client, the list of what the server accepted, the listener.
  def pair(reactor, server: Recorder, client: Recorder)
    accepted = []
    listener = reactor.listen(Support.memory_endpoint) { server.new.tap { |made| accepted << made } }
    connection = reactor.connect(listener.endpoint, client)
    turns(reactor)
    [connection, accepted, listener]
  end

  # Runs a program in a Ruby of its own: its output with its errors, and its status.
  def program(text)
    Timeout.timeout(LIMIT) { Open3.capture2e(RbConfig.ruby, "-rtidemill", "-rtimeout", "-e", text) }
  end

  # The block gets the pid of a program and what it prints; afterwards the program has ended, with the status that is answered.
  def running(*command)
    IO.popen([*command, {err: %i[child out]}]) do |output|
      Timeout.timeout(LIMIT) { yield output.pid, output }
    ensure
      begin
        Process.kill(:KILL, output.pid) unless output.eof?
      rescue Errno::ESRCH
        nil
      end
    end
    $?
  end

  def run
    Timeout.timeout(LIMIT) { super }
  end
end

class Minitest::Test
  include Support
end
