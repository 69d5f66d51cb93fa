# frozen_string_literal: true

# tidemill: one event core, here in Ruby.
#
#     require "tidemill"
#
#     class Echo < Tidemill::Connection
#       def on_data(data)
#         write(data)
#       end
#     end
#
#     Tidemill.listen("tcp://127.0.0.1:8080", Echo)
#     Tidemill.run
#
# The files, in the order in which one meets them: connection, reactor, deferred, channel, default (the calls on
# Tidemill itself), errors; workers is the threads of defer.
require "tidemill/core"

module Tidemill
  private_constant :Core

  VERSION = Core.version.freeze
end

require "tidemill/errors"
require "tidemill/tls"
require "tidemill/connection"
require "tidemill/framing"
require "tidemill/http"
require "tidemill/http_hosts"
require "tidemill/access_log"
require "tidemill/websocket"
require "tidemill/datagram"
require "tidemill/metrics"
require "tidemill/process"
require "tidemill/deferred"
require "tidemill/cookies"
require "tidemill/http_client"
require "tidemill/channel"
require "tidemill/pool"
require "tidemill/reactor"
require "tidemill/workers"
require "tidemill/default"
