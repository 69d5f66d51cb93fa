# frozen_string_literal: true

module Tidemill
  # An answer of a server: of HttpClient#request whole, of HttpClient#stream without its body.
  class HttpResponse
    attr_reader :status, :reason, :version, :headers, :url, :redirects, :body, :trailers

    private_class_method :new

    def initialize(status, reason, version, headers, url, redirects, body = "".b)
      @status = status
      @reason = reason
      @version = version
      @headers = HttpRequest.__send__(:pairs, headers)
      @url = url
      @redirects = redirects
      @body = body
      @trailers = []
    end

    def header(name, default: nil)
      found = @headers.find { |known, _| known.casecmp?(name) }
      found ? found[1] : default
    end

    def inspect
      "#<#{self.class} #{@status} #{@url}>"
    end
  end

  # What users subclass to have an answer in pieces. The core knows the request by the number that it is kept under.
  class HttpExchange
    # ---- callbacks ----

    def on_interim(response)
    end

    def on_response(response)
    end

    def on_body(data)
    end

    def on_drain
    end

    def on_end(response)
    end

    def on_failure(error)
    end

    # ---- calls ----

    def write(data)
      core("write").write(@number, data)
    end

    def finish
      core("finish").finish(@number)
      nil
    end

    def cancel
      core("cancel").cancel(@number)
      nil
    end

    def pause
      core("pause").pause(@number)
      nil
    end

    def resume
      core("resume").resume(@number)
      nil
    end

    def over?
      !@client_core.nil? && @client_core.is_over(@number)
    end

    def response
      @response
    end

    private

    def core(operation)
      return @client_core if @client_core

      raise StateError.new("the request has not been started; stream does that", operation: operation)
    end

    def _on_interim(*head)
      on_interim(HttpResponse.__send__(:new, *head))
    end

    def _on_head(*head)
      @response = HttpResponse.__send__(:new, *head)
      on_response(@response)
    end

    def _on_body(data)
      on_body(data)
    end

    def _on_body_end(trailers)
      @response.instance_variable_set(:@trailers, HttpRequest.__send__(:pairs, trailers))
      on_end(@response)
    end

    def _on_failure(error)
      on_failure(error)
    end
  end

  # Requests of HTTP, over connections that are kept for the next ones.
  class HttpClient
    # A request whose answer comes in one piece.
    class Whole
      attr_reader :number

      def initialize(deferred)
        @deferred = deferred
      end

      def on_drain
      end

      private

      def _on_reply(*reply)
        @deferred.succeed(HttpResponse.__send__(:new, *reply))
      end

      def _on_failure(error)
        @deferred.fail(error)
      end
    end
    private_constant :Whole

    attr_reader :reactor, :cookies

    def initialize(reactor: nil, connect_timeout: 30.0, response_timeout: 60.0, idle_timeout: 30.0, total_timeout: 0.0, per_origin: 6,
                   max_connections: 256, max_waiting: 1024, keep_alive: 30.0, redirects: 10, leave_tls: false, decompress: false,
                   max_body: 16 * 1024 * 1024, proxy: "", proxy_authorization: "", connect_to: "", user_agent: "tidemill", tls: nil,
                   cookies: false)
      @reactor = reactor || Tidemill.default_reactor
      @cookies = CookieJar.__send__(:of, cookies, @reactor)
      options = {
        connect_timeout: connect_timeout, response_timeout: response_timeout, idle_timeout: idle_timeout, total_timeout: total_timeout,
        per_origin: per_origin, max_connections: max_connections, max_waiting: max_waiting, keep_alive: keep_alive, redirects: redirects,
        leave_tls: leave_tls ? 1 : 0, decompress: decompress ? 1 : 0, max_body: max_body, proxy: proxy,
        proxy_authorization: proxy_authorization, connect_to: connect_to, user_agent: user_agent
      }
      lines = options.map { |name, value| "#{name}=#{value}" }.join("\0")
      @core = Core::HttpClientCore.new(@reactor.instance_variable_get(:@core), lines, TlsContext.__send__(:core_of, tls),
                                       @cookies&.instance_variable_get(:@core))
    end

    def request(method, url, headers: nil, body: "", timeout: -1.0, redirects: -1)
      whole = nil
      deferred = Deferred.new(reactor: @reactor, canceller: -> { @core.cancel(whole.number) })
      whole = begin_with(Whole.new(deferred), method, url, headers, body, false, true, timeout, redirects)
      deferred
    end

    def get(url, headers: nil)
      request("GET", url, headers: headers)
    end

    def head(url, headers: nil)
      request("HEAD", url, headers: headers)
    end

    def post(url, body, headers: nil)
      request("POST", url, headers: headers, body: body)
    end

    def put(url, body, headers: nil)
      request("PUT", url, headers: headers, body: body)
    end

    def delete(url, headers: nil)
      request("DELETE", url, headers: headers)
    end

    # handler: an HttpExchange, a class of them, or a block or proc that makes one.
    def stream(method, url, handler = nil, headers: nil, body: "", streamed: false, timeout: -1.0, redirects: -1, &block)
      handler ||= block
      made = handler.is_a?(Class) ? handler.new : handler.respond_to?(:call) ? handler.call : handler
      raise ::TypeError, "a Tidemill::HttpExchange is needed, not #{made.class}" unless made.is_a?(HttpExchange)
      raise StateError.new("this exchange object is in use already", operation: "stream") if made.instance_variable_get(:@client_core) && !made.over?

      begin_with(made, method, url, headers, body, streamed ? true : false, false, timeout, redirects)
      made.instance_variable_set(:@client_core, @core)
      made
    end

    def close
      @core.close
      nil
    end

    def connections
      @core.connections
    end

    def waiting
      @core.waiting
    end

    def inspect
      "#<#{self.class}>"
    end

    private

    def begin_with(made, method, url, headers, body, streamed, gathered, timeout, redirects)
      text, count = HttpRequest.__send__(:text_of, headers)
      @reactor.__send__(:add_object, made) do |ticket|
        @core.request(method, url, text, count, body, streamed, gathered, timeout, redirects, ticket)
        ticket
      end
    end
  end
end
