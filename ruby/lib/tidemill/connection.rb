# frozen_string_literal: true

module Tidemill
  # What users subclass. The base class is the stream itself with write, close and the callbacks that do nothing; it has its state
  # whether or not a subclass calls super in initialize.
  class Connection < Core::ConnectionBase
    def abort
      Core.connection_abort(self)
    end

    def pause
      Core.connection_pause(self)
    end

    def resume
      Core.connection_resume(self)
    end

    def end_write
      Core.connection_end_write(self)
    end

    def set_idle_timeout(seconds)
      Core.connection_set_idle_timeout(self, seconds)
    end

    def set_close_timeout(seconds)
      Core.connection_set_close_timeout(self, seconds)
    end

    def set_output_limit(octets)
      Core.connection_set_output_limit(self, octets)
    end

    def set_watermarks(low, high)
      Core.connection_set_watermarks(self, low, high)
    end

    def send_file(path, offset: 0, length: -1)
      Core.connection_send_file(self, File.path(path), offset, length)
    end

    def proxy_to(other, length: -1)
      Core.connection_proxy_to(self, other, length)
    end

    def stop_proxy
      Core.connection_stop_proxy(self)
    end

    def proxied
      Core.connection_proxied(self)
    end

    def become(handler = nil, leftover: "", &block)
      Core.connection_check_become(self)
      reactor.__send__(:replace, self, handler, leftover, &block)
    end

    def start_tls(context, server_name: "")
      Core.connection_start_tls(self, TlsContext.__send__(:core_of, context), server_name)
    end

    def on_tls(info)
    end

    def tls
      TlsInfo.__send__(:of, self)
    end

    def peer
      Core.connection_peer(self)
    end

    def local
      Core.connection_local(self)
    end

    def id
      Core.connection_id(self)
    end

    def state
      Core.connection_state(self)
    end

    def pending
      Core.connection_pending(self)
    end

    def inspect
      "#<#{[self.class, state, peer].join(" ").rstrip}>"
    end

    private

    # In a subclass: the name and options of what is put on the stream (bindings/protocol.h).
    def protocol
    end

    def _on_tls
      on_tls(tls)
    end
  end
end
