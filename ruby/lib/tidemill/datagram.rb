# frozen_string_literal: true

module Tidemill
  # What users subclass for datagram sockets: the callbacks do nothing. The core's half is known by its number, whether or not a subclass
  # calls super in initialize.
  class Datagram
    def on_open; end

    def on_data(data, peer); end

    def on_drain; end

    def on_lost(error); end

    def on_close(reason); end

    def write(data, to = "")
      Core.datagram_write(tidemill_core("write"), @tidemill_id, data, to)
    end

    def close
      Core.datagram_close(tidemill_core("close"), @tidemill_id)
    end

    def abort
      Core.datagram_abort(tidemill_core("abort"), @tidemill_id)
    end

    def pause
      Core.datagram_pause(tidemill_core("pause"), @tidemill_id)
    end

    def resume
      Core.datagram_resume(tidemill_core("resume"), @tidemill_id)
    end

    def join(group, interface = "")
      Core.datagram_join(tidemill_core("join"), @tidemill_id, group, interface)
    end

    def leave(group, interface = "")
      Core.datagram_leave(tidemill_core("leave"), @tidemill_id, group, interface)
    end

    def set_multicast_interface(interface)
      Core.datagram_set_multicast_interface(tidemill_core("set_multicast_interface"), @tidemill_id, interface)
    end

    def set_multicast_ttl(hops)
      Core.datagram_set_multicast_ttl(tidemill_core("set_multicast_ttl"), @tidemill_id, hops)
    end

    def set_multicast_loop(is_on)
      Core.datagram_set_multicast_loop(tidemill_core("set_multicast_loop"), @tidemill_id, is_on)
    end

    def set_broadcast(is_on)
      Core.datagram_set_broadcast(tidemill_core("set_broadcast"), @tidemill_id, is_on)
    end

    def local
      reactor.nil? ? "" : Core.datagram_local(@tidemill_core, @tidemill_id)
    end

    def peer
      reactor.nil? ? "" : Core.datagram_peer(@tidemill_core, @tidemill_id)
    end

    def id
      reactor.nil? ? 0 : @tidemill_id
    end

    def state
      reactor.nil? ? "new" : Core.datagram_state(@tidemill_core, @tidemill_id)
    end

    def pending
      reactor.nil? ? 0 : Core.datagram_pending(@tidemill_core, @tidemill_id)
    end

    def dropped
      reactor.nil? ? 0 : Core.datagram_dropped(@tidemill_core, @tidemill_id)
    end

    def reactor
      @tidemill_reactor
    end

    def inspect
      "#<#{[self.class, state, local].join(" ").rstrip}>"
    end

    private

    def tidemill_core(operation)
      return @tidemill_core unless reactor.nil?

      raise StateError.new("the datagram socket has not been opened; open_datagram does that", operation: operation)
    end

    # Called by the reactor that opened it.
    def tidemill_opened(reactor, core, number)
      @tidemill_reactor = reactor
      @tidemill_core = core
      @tidemill_id = number
    end
  end
end
