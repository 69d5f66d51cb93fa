# frozen_string_literal: true

module Tidemill
  # What TLS streams have in common: certificate and key, whom to trust, which protocols to offer.
  class TlsContext
    def initialize(certificate: "", private_key: "", key_password: "", authorities: "", alpn: "", client_certificates: "none",
                   needs_tls13: false, dangerous_no_verification: false, handshake_timeout: 10.0)
      @core = Core::TlsCore.new(certificate, private_key, key_password, authorities, alpn, client_certificates, needs_tls13 ? true : false,
                                dangerous_no_verification ? true : false, handshake_timeout)
    end

    def reload(certificate = "", private_key = "", key_password = "")
      @core.renew(certificate, private_key, key_password)
      nil
    end

    # Another one, shown to clients that ask for a name in it.
    def add_certificate(certificate, private_key = "", key_password = "")
      @core.add_certificate(certificate, private_key, key_password)
      nil
    end

    # What the core takes for the option tls.
    def self.core_of(context)
      return nil if context.nil?
      raise ::TypeError, "a Tidemill::TlsContext is needed, not #{context.class}" unless context.is_a?(TlsContext)

      context.instance_variable_get(:@core)
    end
    private_class_method :core_of

    def inspect
      "#<#{self.class}>"
    end
  end

  # What a handshake agreed on.
  class TlsInfo
    attr_reader :protocol, :cipher, :alpn, :server_name, :peer_certificate, :peer_subject

    private_class_method :new

    def self.of(connection)
      new if Core.connection_has_tls(connection)
    end
    private_class_method :of

    def initialize
      @protocol, @cipher, @alpn, @server_name, @peer_certificate, @peer_subject = Array.new(6) { |field| Core.connection_tls_field(field) }
      @is_resumed = !Core.connection_tls_field(6).empty?
    end

    def resumed?
      @is_resumed
    end

    def inspect
      "#<#{self.class} #{protocol} #{cipher}>"
    end
  end
end
