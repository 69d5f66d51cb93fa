# frozen_string_literal: true

# Rack 2 and 3 over the HTTP server; required by itself, and by `rackup -s tidemill` (rack/handler/tidemill.rb, rackup/handler/tidemill.rb).
#
#     require "tidemill/rack"
#     Tidemill::RackServer.new(app).run("tcp://127.0.0.1:9292")
#
# The application runs in the loop, one request at a time, as under Thin; with threads it runs in those. A request's body is there before the
# application is called. Nothing is hijacked, and env says so.
require "stringio"
require "tempfile"
require "tidemill"
require "tidemill/rack_exchange"

module Tidemill
  # An application and how it is served.
  class RackServer
    # Of a body so much is kept in memory, more in a file (Thin and Puma: 112 KiB).
    SPOOL = 114_688

    attr_reader :app, :threads, :errors, :access_log

    # is_rack3: for env; nil for what is loaded. access_log: an AccessLog or its path, "-" for standard output; nil for none.
    def initialize(app, threads: 0, errors: $stderr, is_rack3: nil, access_log: nil)
      @app = app
      @threads = threads
      @errors = errors
      @is_rack3 = is_rack3.nil? ? defined?(::Rack.release) && ::Rack.release.to_i >= 3 : is_rack3
      @reactor = nil
      @access_log = access_log.nil? || access_log.is_a?(AccessLog) ? access_log : AccessLog.new(access_log)
    end

    def rack3?
      @is_rack3
    end

    # What is the same in every request's env. is_shared: there are other processes that serve the same.
    def base_env(is_shared: false)
      env = {
        "SCRIPT_NAME" => "", "GATEWAY_INTERFACE" => "CGI/1.2", "SERVER_SOFTWARE" => "tidemill #{VERSION}", "rack.errors" => @errors,
        "rack.multithread" => @threads.positive?, "rack.multiprocess" => is_shared, "rack.run_once" => false, "rack.hijack?" => false,
        "SERVER_PROTOCOL" => "HTTP/1.1", "HTTP_VERSION" => "HTTP/1.1", "REQUEST_METHOD" => "", "REQUEST_URI" => "", "PATH_INFO" => "", "QUERY_STRING" => "",
        "rack.input" => nil,
      }
      env["rack.version"] = [1, 3] unless @is_rack3
      env
    end

    # options: those of Reactor#listen.
    def listen(reactor, endpoint, is_shared: false, **options)
      reactor.set_threads(@threads) if @threads.positive?
      base = base_env(is_shared: is_shared).freeze
      connection = @access_log ? LoggedRackConnection : RackConnection
      reactor.listen(endpoint, **options) { connection.new(self, base) }
    end

    # Serves until SIGTERM or SIGINT, and then for at most drain seconds what has begun. workers: processes; 1 for this one, 0 for one a core.
    # The block is called with each listener.
    def run(*endpoints, workers: 1, drain: 30.0, **options, &block)
      return run_here(endpoints, drain, options, &block) if workers == 1

      Workers.new(workers, deadline: drain) do |reactor, _index|
        endpoints.each { |endpoint| block&.call(listen(reactor, endpoint, is_shared: true, reuse_port: true, **options)) }
      end.run
    end

    # From a trap handler, or another thread.
    def shutdown
      reactor = @reactor
      reactor&.post { reactor.drain(@drain) }
    end

    private

    def run_here(endpoints, drain, options)
      @reactor = Reactor.new
      @drain = drain
      %w[TERM INT].each { |name| @reactor.on_signal(name) { @reactor.drain(drain) } }
      endpoints.each do |endpoint|
        listener = listen(@reactor, endpoint, **options)
        yield listener if block_given?
      end
      @reactor.run
    ensure
      @reactor = nil
    end
  end

  # bindings/http_head.h says what comes.
  class RackConnection < HttpConnection
    HAS_BODY = 1
    IS_HTTP10 = 2
    HAS_HIGH_OCTETS = 4
    private_constant :HAS_BODY, :IS_HTTP10, :HAS_HIGH_OCTETS

    attr_reader :server

    def initialize(server, base)
      super()
      @server = server
      @base = base
      @exchange = nil
      @host = nil  # the one that is in @base
    end

    def on_open
      @base = @base.dup
      @base["rack.url_scheme"] = tls ? "https" : "http"
      @base["REMOTE_ADDR"], @base["REMOTE_PORT"] = address_of(peer)
      @own_name, @own_port = address_of(local)
      name_host(nil)
    end

    def on_close(_reason)
      exchange, @exchange = @exchange, nil
      exchange&.gone
    end

    # The exchange of an answer that took longer than the callback.
    def on_error(error)
      @server.errors.puts(error.full_message(highlight: false))
    end

    private

    def protocol
      name, options = super
      [name, "#{options} heads=cgi"]
    end

    def _on_head(number, method, target, flags, fields)
      env = @base.dup
      fields.each { |name, value| env[name] = value }
      host = env["HTTP_HOST"]
      unless host == @host
        name_host(host)
        env["SERVER_NAME"], env["SERVER_PORT"] = @base.values_at("SERVER_NAME", "SERVER_PORT")
      end
      path = target.start_with?("/") ? target : without_authority(target)
      query = path.index("?")
      env["REQUEST_METHOD"] = method
      env["REQUEST_URI"] = target
      env["PATH_INFO"] = query ? path[0, query] : path
      env["QUERY_STRING"] = query ? path[query + 1..] : ""
      has_body = flags.anybits?(HAS_BODY)
      unusual(env, flags) if flags > HAS_BODY
      @exchange = RackExchange.new(self, number, env)
      if has_body
        @exchange.take(nil)
      else
        env["rack.input"] = nothing
        @exchange.call
      end
    end

    def unusual(env, flags)
      env["SERVER_PROTOCOL"] = env["HTTP_VERSION"] = "HTTP/1.0" if flags.anybits?(IS_HTTP10)
      return unless flags.anybits?(HAS_HIGH_OCTETS)

      env.each_value { |value| value.force_encoding(Encoding::BINARY) if value.is_a?(String) && !value.frozen? }
    end

    # The body of a request that has none: the same one for all, unless somebody closed it.
    def nothing
      @nothing = StringIO.new(String.new) if @nothing.nil? || @nothing.closed?
      @nothing
    end

    def _on_body(data)
      @exchange.take(data)
    end

    def _on_body_end
      exchange = @exchange
      exchange.call if exchange&.collecting?
    end

    def _on_response_drain
      @exchange&.drained
    end

    def without_authority(target)
      _, scheme, rest = target.partition("://")
      path = scheme.empty? ? "/" : rest[%r{[/?].*}].to_s
      path.start_with?("/") ? path : "/#{path}"
    end

    def name_host(host)
      match = host&.match(/\A(\[[^\]]*\]|[^:]*)(?::(\d+))?\z/)
      match = nil if match && match[1].empty?
      @host = host
      @base["SERVER_NAME"] = match ? match[1] : @own_name
      @base["SERVER_PORT"] = match ? match[2] || default_port : @own_port
    end

    def default_port
      @base["rack.url_scheme"] == "https" ? "443" : "80"
    end

    # ["127.0.0.1", "80"] of tcp://127.0.0.1:80; for a UNIX socket what stands for nobody.
    def address_of(endpoint)
      match = endpoint.match(%r{\Atcp://(\[.*\]|[^:]*):(\d+)\z}) || endpoint.match(%r{\Atls://(\[.*\]|[^:]*):(\d+)\z})
      match ? [match[1].delete("[]"), match[2]] : ["127.0.0.1", "0"]
    end
  end

  # With a line for every request in the server's log.
  class LoggedRackConnection < RackConnection
    # There for HttpConnection to see; _on_response is what is called.
    def on_response
    end

    private

    def _on_head(number, method, target, flags, fields)
      @number = number
      super
    end

    def _on_response(status, octets, _seconds, _was_cut)
      @server.access_log.__send__(:add_numbered, self, @number, status, octets)
    end
  end
  private_constant :RackConnection, :LoggedRackConnection
end
