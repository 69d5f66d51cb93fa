# frozen_string_literal: true

module Tidemill
  # What a server wants to be told again. Made by CookieJar#cookies.
  class Cookie
    attr_reader :name, :value, :domain, :path, :expires

    private_class_method :new

    def initialize(name, value, domain, path, expires, marks)
      @name = name
      @value = value
      @domain = domain
      @path = path
      @expires = expires.empty? ? nil : expires.to_i
      @marks = marks
    end

    def host_only?
      @marks.include?("o")
    end

    def secure?
      @marks.include?("s")
    end

    def http_only?
      @marks.include?("h")
    end

    def inspect
      "#<#{self.class} #{@name} of #{@domain}#{@path}>"
    end
  end

  # The cookies of HTTP clients, which the core keeps.
  class CookieJar
    def initialize(reactor: nil)
      @reactor = reactor || Tidemill.default_reactor
      @core = Core::CookieJarCore.new(reactor_core)
    end

    def set(url, text)
      @core.take(reactor_core, url, text)
    end

    def header(url)
      @core.header(reactor_core, url)
    end

    def clear
      @core.clear
      nil
    end

    def cookies
      @core.cookies(reactor_core).split("\n", -1).each_slice(6).map { |parts| Cookie.__send__(:new, *parts) }
    end

    # What the option cookies means: a jar or nil.
    def self.of(cookies, reactor)
      return cookies ? new(reactor: reactor) : nil if [nil, false, true].include?(cookies)
      raise ::TypeError, "true or a Tidemill::CookieJar is needed, not #{cookies.class}" unless cookies.is_a?(CookieJar)

      cookies
    end
    private_class_method :of

    def inspect
      "#<#{self.class}>"
    end

    private

    def reactor_core
      @reactor.instance_variable_get(:@core)
    end
  end
end
