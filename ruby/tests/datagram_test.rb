# frozen_string_literal: true

# Datagram sockets, as far as only Ruby has it: blocks, types, a forgotten super, the garbage collector.
require_relative "support"

class Datagrams < Minitest::Test
  class Sink < Tidemill::Datagram
    attr_reader :seen

    def initialize # on purpose without super
      @seen = []
    end

    def on_data(data, peer)
      @seen << [data, peer]
    end
  end

  def setup
    @reactor = Tidemill::Reactor.new
    @sink = @reactor.open_datagram("udp://127.0.0.1:0", Sink)
  end

  def turn_until_seen(count)
    1000.times { @sink.seen.size >= count ? return : @reactor.run_once(0.02) }
    flunk("nothing came")
  end

  def test_payload_is_binary_and_peers_are_text
    @sink.write("\xff\0é", @sink.local)
    turn_until_seen(1)
    data, peer = @sink.seen[0]
    assert_equal(["\xff\0é".b, Encoding::BINARY], [data, data.encoding])
    assert_equal([@sink.local, Encoding::UTF_8], [peer, peer.encoding])
  end

  def test_a_block_makes_the_object
    made = @reactor.open_datagram("udp://127.0.0.1:0", connect_to: @sink.local) { Sink.new }
    assert_instance_of(Sink, made)
    assert_equal(@sink.local, made.peer)
    assert_same(@reactor, made.reactor)
  end

  def test_wrong_types_are_type_errors
    assert_raises(TypeError) { @sink.write(5, @sink.local) }
    assert_raises(TypeError) { @sink.write("x", 5) }
    assert_raises(TypeError) { @reactor.open_datagram("udp://127.0.0.1:0", Tidemill::Connection) }
    assert_raises(TypeError) { @reactor.open_datagram("udp://127.0.0.1:0") { Object.new } }
    assert_raises(ArgumentError) { @reactor.open_datagram("udp://127.0.0.1:0") }
  end

  def test_an_object_that_is_not_open_says_so_and_one_that_was_may_be_opened_again
    new = Sink.new
    assert_equal(["new", "", 0], [new.state, new.local, new.id])
    assert_raises(Tidemill::StateError) { new.write("x", "udp://127.0.0.1:9") }
    assert_raises(Tidemill::StateError) { @reactor.open_datagram("udp://127.0.0.1:0", @sink) }
    @sink.close
    @reactor.run
    @reactor.open_datagram("udp://127.0.0.1:0", @sink)
    @sink.write("again", @sink.local)
    turn_until_seen(1)
  end

  def test_exceptions_that_are_no_standard_errors_close_nothing
    @sink.define_singleton_method(:on_data) { |_, _| raise Interrupt }
    @sink.write("x", @sink.local)
    assert_raises(Interrupt) { @reactor.run }
    assert_equal("open", @sink.state)
  end
end
