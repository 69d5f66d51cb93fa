# frozen_string_literal: true

require "weakref"

module Tidemill
  # The threads of Reactor#defer: Ruby's own, started when they are needed. They know their pool and not the reactor, so that a reactor
  # that nobody holds is collected while work is under way.
  class Pool
    def self.closer(jobs)
      proc { jobs.close }
    end

    attr_reader :jobs

    def initialize(most)
      @jobs = Thread::Queue.new  # and nil, to wake a thread that may be one too many; a finaliser may close it
      @mutex = Mutex.new
      @most = most
      @threads = @waiting = 0
    end

    def submit(job)
      @mutex.synchronize do
        if @waiting >= Core.worker_queue
          raise LimitError.new("defer: too much work is waiting for a thread", operation: "defer")
        end

        @waiting += 1
        start_thread if @jobs.num_waiting < @waiting && @threads < @most
      end
      @jobs << job
    end

    # Takes back a job that has not begun.
    def drop(job)
      @mutex.synchronize { @waiting -= 1 if job.take }
    end

    def most=(most)
      @mutex.synchronize do
        @most = most
        [@waiting - @jobs.num_waiting, @most - @threads].min.times { start_thread }
        [@threads - @most, 0].max.times { @jobs << nil }
      end
    end

    private

    def start_thread
      @threads += 1
      Thread.new { work }.tap { |thread| thread.name = "tidemill defer" }
    end

    def work
      while !one_too_many? && (job = @jobs.pop || !@jobs.closed?)
        job.run if job != true && @mutex.synchronize { job.take && @waiting -= 1 }
        job = nil  # what it holds goes now, not with the next one
      end
    ensure
      @mutex.synchronize { @threads -= 1 }
    end

    def one_too_many?
      @mutex.synchronize { @threads > @most }
    end
  end
  private_constant :Pool

  # Work on its way through a thread and back.
  class Job
    attr_accessor :deferred, :hold

    def initialize(reactor, work, arguments)
      @reactor = WeakRef.new(reactor)
      @work = work
      @arguments = arguments
    end

    # Whether it is still to be had: by a thread, or by who takes it back.
    def take
      return false if @is_taken

      @is_taken = true
    end

    def run
      outcome = [false, WorkError.new("defer: the thread was ended", operation: "defer")]
      outcome = [true, @work.call(*@arguments)]
    rescue Exception => error # rubocop:disable Lint/RescueException -- whatever it is, it is the outcome
      outcome = [false, error]
    ensure
      @work = @arguments = nil
      tell(outcome)
    end

    private

    def tell(outcome)
      reactor = @reactor.__getobj__
      reactor.post { reactor.__send__(:finish_job, self, *outcome) }
    rescue WeakRef::RefError
      nil  # nobody holds the reactor any more
    end
  end
  private_constant :Job
end
