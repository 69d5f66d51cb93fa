# frozen_string_literal: true

module Tidemill
  # Several sites behind one listener. The core knows whose a request is; the sites are functions, kept here by number.
  class HttpHosts
    def initialize(sites)
      @core = Core::HttpHostsCore.new
      @sites = {}
      sites.each { |host, site| add(host, site) }
    end

    def add(host, site = nil, &block)
      site ||= block
      raise ::TypeError, "a block or something with call is needed" unless site.respond_to?(:call)

      @sites[@core.add(host)] = site
      nil
    end

    def serve(request)
      number = @core.choose(request.connection, request.number)
      @sites.fetch(number).call(request) unless number.zero?
      nil
    end

    def inspect
      "#<#{self.class}>"
    end
  end
end
