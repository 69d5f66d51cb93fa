# frozen_string_literal: true

# Rack 3's rackup finds this file when it is told `rackup -s tidemill`.
require "rackup/handler"
require "tidemill/rack_handler"

module Rackup
  module Handler
    Tidemill = ::Tidemill::RackHandler
    register :tidemill, Tidemill
  end
end
