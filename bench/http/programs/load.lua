-- For wrk. Given a number and a prefix, it asks that many hosts in turn: prefix0.localhost, prefix1.localhost and so on.
local requests, turn = {}, 0

function init(args)
  for i = 0, (tonumber(args[1]) or 0) - 1 do
    requests[i + 1] = wrk.format("GET", nil, { Host = args[2] .. i .. ".localhost" })
  end
  if #requests == 0 then requests[1] = wrk.format() end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

-- What it measured, in a form that programs read. Its times are microseconds.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('{"requestsPerSecond":%f,"p50Ms":%f,"p99Ms":%f,"failed":%d}\n',
    summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
