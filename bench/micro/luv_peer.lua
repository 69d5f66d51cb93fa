-- What timers and ticks cost in luv. Prints nanoseconds of processor time as JSON.
--
--     lua5.4|luajit luv_peer.lua --case timers|ticks [--count N]
--
-- A handle that was closed is freed in the next turn, which is part of what is measured. libuv has no queue of ticks: an idle
-- handle is called once in a turn, so there is a chain but no batch.
local uv = require "luv"

local DUE = 100000
local PAIRS = 100000
local PAIRS_IN_A_TURN = 1000
local TICKS = 100000
local SMALL, LARGE = 10000, 1000000

local now = os.clock -- processor time of all threads, in seconds

local function each_since(start, count) return (now() - start) / count * 1e9 end

local function do_nothing() end

local function run_turn() uv.run("nowait") end

local function draw_delays(count)
  local delays = {}
  for index = 1, count do delays[index] = math.random(100, 1000000) end -- milliseconds
  return delays
end

-- The places 1 to count in a random order, the first of them only.
local function draw_places(count, wanted)
  local places = {}
  for index = 1, count do places[index] = index end
  for index = 1, wanted do
    local other = math.random(index, count)
    places[index], places[other] = places[other], places[index]
  end
  for index = wanted + 1, count do places[index] = nil end
  return places
end

local function insert(delay, callback)
  local timer = uv.new_timer()
  timer:start(delay, 0, callback)
  return timer
end

local function close_all(timers)
  for _, timer in ipairs(timers) do
    if not timer:is_closing() then timer:close() end
  end
  run_turn()
end

local function measure_insert_and_cancel(count)
  local delays = draw_delays(count)
  local doomed = draw_places(count, math.floor(count * 0.9))
  local timers = {}
  local start = now()
  for index = 1, count do timers[index] = insert(delays[index], do_nothing) end
  local inserted = each_since(start, count)
  start = now()
  for index = 1, #doomed do timers[doomed[index]]:close() end
  run_turn()
  local cancelled = each_since(start, #doomed)
  close_all(timers)
  return inserted, cancelled
end

local function measure_fire()
  local left = DUE
  for _ = 1, DUE do
    local timer
    timer = insert(math.random(1, 10), function()
      left = left - 1
      timer:close()
    end)
  end
  uv.sleep(100)
  local start = now()
  while left > 0 do run_turn() end
  return each_since(start, DUE)
end

local function measure_pairs(outstanding)
  local delays = draw_delays(PAIRS)
  local timers = {}
  for index, delay in ipairs(draw_delays(outstanding)) do timers[index] = insert(delay, do_nothing) end
  run_turn()
  local start = now()
  for index = 1, PAIRS do
    insert(delays[index], do_nothing):close()
    if index % PAIRS_IN_A_TURN == 0 then run_turn() end
  end
  local each = each_since(start, PAIRS)
  close_all(timers)
  return each
end

local function measure_timers(count)
  local inserted, cancelled = measure_insert_and_cancel(count)
  return {
    insert_ns = inserted,
    cancel_ns = cancelled,
    fire_ns = measure_fire(),
    insert_cancel_small_ns = measure_pairs(SMALL),
    insert_cancel_large_ns = measure_pairs(LARGE),
  }
end

local function measure_chain()
  local idle = uv.new_idle()
  local left = TICKS
  local function tick()
    left = left - 1
    idle:stop()
    if left > 0 then idle:start(tick) end
  end
  local start = now()
  idle:start(tick)
  uv.run()
  return each_since(start, TICKS)
end

-- An octet in a pipe for each post. luv's own async:send is none: of many sends before the loop looks, one arrives.
local function measure_post()
  local ends = uv.pipe({ nonblock = true }, {})
  local left = TICKS
  local reader = uv.new_pipe(false)
  reader:open(ends.read)
  reader:read_start(function(_, octets)
    for _ = 1, #octets do left = left - 1 end
    if left == 0 then reader:close() end
  end)
  local start = now()
  local poster = uv.new_thread(function(descriptor, count)
    local luv = require "luv"
    for _ = 1, count do luv.fs_write(descriptor, ".") end
  end, ends.write, TICKS)
  uv.run()
  poster:join()
  return each_since(start, TICKS)
end

local function measure_ticks() return { chain_ns = measure_chain(), post_ns = measure_post() } end

local function as_json(results)
  local fields = {}
  for name, value in pairs(results) do fields[#fields + 1] = ('"%s": %.1f'):format(name, value) end
  table.sort(fields)
  return "{" .. table.concat(fields, ", ") .. "}"
end

local line = table.concat(arg, " ")
local measure = ({ timers = measure_timers, ticks = measure_ticks })[line:match("%-%-case[ =](%l+)")]
assert(measure, "--case timers or ticks")
math.randomseed(1)
print(as_json(measure(tonumber(line:match("%-%-count[ =](%d+)")) or 1000000)))
