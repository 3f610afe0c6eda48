-- Reserve: milliseconds to hold, then id, SKU and quantity of each. Answers one digit for each:
-- 1 accepted, 2 repeated, 3 insufficient stock, 6 id reused.
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local hold_ms = ARGV[1]

-- What has expired is free again before anybody is refused.
local due = redis.call('ZRANGE', 'holds', '-inf', now_ms, 'BYSCORE', 'LIMIT', 0, 1000)
for _, id in ipairs(due) do
  local sku, quantity = string.match(redis.call('GET', id), '^(%S+) (%d+)')
  redis.call('HINCRBY', 'free', sku, quantity)
  redis.call('ZREM', 'holds', id)
end

local answers = {}
for at = 2, #ARGV, 3 do
  local id, sku, quantity = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local content = sku .. ' ' .. quantity .. ' ' .. hold_ms
  local known = redis.call('GET', id)
  local answer
  if known then
    answer = known == content and '2' or '6'
  elseif tonumber(redis.call('HGET', 'free', sku) or '0') < tonumber(quantity) then
    answer = '3'
  else
    redis.call('HINCRBY', 'free', sku, -quantity)
    redis.call('SET', id, content)
    redis.call('ZADD', 'holds', now_ms + hold_ms, id)
    answer = '1'
  end
  answers[#answers + 1] = answer
end
return table.concat(answers)
