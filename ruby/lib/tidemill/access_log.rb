# frozen_string_literal: true

module Tidemill
  # A file of what was served, which the core writes.
  class AccessLog
    def initialize(path)
      @core = Core::AccessLogCore.new(File.path(path))
    end

    def add(request, status, octets)
      @core.add(request.connection, request.number, status, octets)
    end

    def reopen
      @core.reopen
    end

    def close
      @core.close
    end

    # Of a request that has no object.
    def add_numbered(connection, number, status, octets)
      @core.add(connection, number, status, octets)
    end
    private :add_numbered

    def inspect
      "#<#{self.class}>"
    end
  end
end
