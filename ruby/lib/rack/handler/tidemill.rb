# frozen_string_literal: true

# Rack 2 finds this file when it is told `rackup -s tidemill`.
require "rack/handler"
require "tidemill/rack_handler"

module Rack
  module Handler
    Tidemill = ::Tidemill::RackHandler
    register "tidemill", "Rack::Handler::Tidemill"
  end
end
