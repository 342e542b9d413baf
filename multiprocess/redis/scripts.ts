/** The version of what is stored: data of another version is left alone. */
const VERSION = "1";

/**
 * What is in Redis, under one namespace, all in one slot of a cluster:
 *
 * - `head`, a hash: `version`; `epoch`; `clock`, which counts what was applied; `orders` and
 *   `places`, which count instances and families; `history` and `until`, see below;
 *   `f:<name>` for a family: its place and `[family, help]` as JSON; `i:<id>` for an
 *   instance: last sequence number, order, when it was heard of, when it expires, whether
 *   it has left, and its process as JSON.
 * - `totals:<name>`, a hash for each family: series to numbers.
 * - `own:<id>`, a hash for each instance, which expires by itself: place and series to
 *   numbers.
 *
 * Every hash but the head has its epoch under the empty field: what was evicted, expired, or
 * is left of a former epoch is known by it. Numbers are texts with a space between them, and
 * 17 digits where it takes them: Redis itself would round sums, and has no NaN.
 *
 * Redis acknowledges before a write is safe, so that a restart or a failover may lose the
 * last ones. It has another replication id then, which is the `history`; and the `clock`
 * is behind what somebody has seen of it, or the epoch is a former one, and whoever finds that
 * makes everything begin anew. `until` gives everybody the time to speak up.
 *
 * Redis does not take back what a script has done when it fails: all that can fail comes before the
 * first write, and a lack of memory shows at the first one.
 */
const COMMON = `
local head = KEYS[1]
local VERSION = '${VERSION}'

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function whole(number)
  return string.format('%.0f', number)
end

local function current_history()
  local info = redis.pcall('INFO', 'replication')
  return type(info) == 'string' and info:match('master_replid:(%x+)') or ''
end

local function write(command, key, list)
  for i = 1, #list, 1000 do
    redis.call(command, key, unpack(list, i, math.min(i + 999, #list)))
  end
end

local function begin(epoch)
  redis.call('HSET', head, 'version', VERSION, 'epoch', epoch, 'clock', '0',
    'history', current_history(), 'until', '0')
end

local function begin_anew(epoch)
  local base = head:sub(1, -5)
  local fields = redis.call('HKEYS', head)
  redis.call('UNLINK', head)
  begin(epoch)
  for _, field in ipairs(fields) do
    local kind, name = field:match('^([fi]):(.*)$')
    -- Whether or not that is allowed: what has another epoch counts for nothing.
    if kind == 'f' then redis.pcall('UNLINK', base .. 'totals:' .. name) end
    if kind == 'i' then redis.pcall('UNLINK', base .. 'own:' .. name) end
  end
end

local function instance(record)
  local sequence, order, seen, expires, left, process =
    record:match('^(%d+) (%d+) (%d+) (%d+) (%d) (.*)$')
  return { sequence = tonumber(sequence), order = order, seen = seen,
    expires = tonumber(expires), left = left, process = process }
end

local function record_of(one)
  return table.concat({ whole(one.sequence), one.order, whole(one.seen), whole(one.expires),
    one.left, one.process }, ' ')
end
`;

/** `head own : id, process, new epoch, retention`, replies `joined, epoch, clock`. */
const JOIN = `
local id, process, epoch, retention = unpack(ARGV)
local state = redis.call('HMGET', head, 'version', 'epoch', 'clock', 'i:' .. id)
if state[2] and state[1] ~= VERSION then return { 'version', state[1] or '' } end
redis.call('HGET', KEYS[2], '')
if state[4] then return { 'joined', state[2], state[3] } end
local time = now()
local expired = {}
local all = redis.call('HGETALL', head)
for i = 1, #all, 2 do
  if all[i]:sub(1, 2) == 'i:' and instance(all[i + 1]).expires <= time then
    expired[#expired + 1] = all[i]
  end
end
if state[2] then epoch = state[2] else begin(epoch) end
local one = { sequence = 0, order = redis.call('HINCRBY', head, 'orders', 1), seen = time,
  expires = time + retention, left = '0', process = process }
redis.call('HSET', head, 'i:' .. id, record_of(one))
redis.call('UNLINK', KEYS[2])
redis.call('HSET', KEYS[2], '', epoch)
redis.call('PEXPIREAT', KEYS[2], whole(one.expires + 60000))
write('HDEL', head, expired)
return { 'joined', epoch, state[3] or '0' }
`;

/**
 * `head own totals… : id, sequence, new epoch, retention, hold, seen epoch, seen clock,
 * families…`, replies `applied, epoch, clock` or `unknown`. A family is its name, itself and
 * its help as JSON (no help: not introduced), how many adds, sets and deletes it has, and
 * these.
 */
const PUSH = `
local id, sequence, epoch = ARGV[1], tonumber(ARGV[2]), nil
local state = redis.call('HMGET', head, 'version', 'epoch', 'clock', 'history', 'places',
  'i:' .. id, 'until')
epoch = state[2]
if not epoch then return { 'unknown' } end
if state[1] ~= VERSION then return { 'version', state[1] or '' } end
local clock, history, time = tonumber(state[3]), current_history(), now()
local is_in_doubt = history ~= state[4] or time < tonumber(state[7])
local has_lost = ARGV[6] == epoch and tonumber(ARGV[7]) > clock
local is_former = ARGV[6] ~= '' and ARGV[6] ~= epoch and is_in_doubt
if has_lost or is_former then
  begin_anew(ARGV[3])
  return { 'unknown' }
end
if not state[6] then return { 'unknown' } end
local one = instance(state[6])
if one.expires <= time or redis.call('HGET', KEYS[2], '') ~= epoch then
  redis.call('HDEL', head, 'i:' .. id)
  redis.call('UNLINK', KEYS[2])
  return { 'unknown' }
end
if sequence <= one.sequence then return { 'applied', epoch, whole(clock) } end
if sequence > one.sequence + 1 then
  begin_anew(ARGV[3])
  return { 'unknown' }
end

local SPECIAL = { NaN = 0 / 0, Infinity = math.huge, ['-Infinity'] = -math.huge }
local function number_of(text)
  return SPECIAL[text] or tonumber(text) or error('not a number: ' .. text)
end
local function text_of(number)
  if number ~= number then return 'NaN' end
  if number == math.huge then return 'Infinity' end
  if number == -math.huge then return '-Infinity' end
  local text = string.format('%.15g', number)
  if tonumber(text) == number then return text end
  return string.format('%.17g', number)
end
local function sum(one, other)
  if not other then other = '' end
  if not one:find(' ', 1, true) then
    return text_of(number_of(one) + (other == '' and 0 or number_of(other)))
  end
  local numbers, next_number = {}, other:gmatch('%S+')
  for text in one:gmatch('%S+') do
    local added = next_number()
    numbers[#numbers + 1] = text_of(number_of(text) + (added and number_of(added) or 0))
  end
  return table.concat(numbers, ' ')
end

local heads, totals, mine, gone = {}, {}, {}, {}
local places = tonumber(state[5] or '0')
local at, key = 8, 3
while ARGV[at] do
  local name, family, help = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local adds, sets, deletes = ARGV[at + 3] * 2, ARGV[at + 4] * 2, tonumber(ARGV[at + 5])
  at = at + 6
  local place = (redis.call('HGET', head, 'f:' .. name) or ''):match('^%d+')
  if help ~= '' or (not place and adds + sets > 0) then
    if not place then
      places = places + 1
      place = whole(places)
    end
    if help == '' then help = '""' end
    heads[#heads + 1] = 'f:' .. name
    heads[#heads + 1] = place .. ' [' .. family .. ',' .. help .. ']'
  end
  if adds > 0 then
    local total = { key = KEYS[key], list = {} }
    key = key + 1
    total.is_known = redis.call('HGET', total.key, '') == epoch
    local names, sums = {}, {}
    for i = at, at + adds - 1, 2 do names[#names + 1] = ARGV[i] end
    for i = 1, total.is_known and #names or 0, 1000 do
      local last = math.min(i + 999, #names)
      local values = redis.call('HMGET', total.key, unpack(names, i, last))
      for j = i, last do sums[names[j]] = values[j - i + 1] end
    end
    local list = total.list
    for i, series in ipairs(names) do
      local numbers = sum(ARGV[at + 2 * i - 1], sums[series])
      sums[series], list[2 * i - 1], list[2 * i] = numbers, series, numbers
    end
    totals[#totals + 1] = total
    at = at + adds
  end
  for i = at, at + sets - 1, 2 do
    mine[#mine + 1] = place .. ' ' .. ARGV[i]
    mine[#mine + 1] = ARGV[i + 1]
  end
  at = at + sets
  for i = at, at + deletes - 1 do
    if place then gone[#gone + 1] = place .. ' ' .. ARGV[i] end
  end
  at = at + deletes
end

one.sequence, one.seen, one.left, one.expires = sequence, time, '0', time + ARGV[4]
clock = whole(clock + 1)
local expires = whole(one.expires + 60000)
redis.call('HSET', head, 'i:' .. id, record_of(one), 'clock', clock, 'places', whole(places))
if history ~= state[4] then
  redis.call('HSET', head, 'history', history, 'until', whole(time + ARGV[5]))
end
write('HSET', head, heads)
for _, total in ipairs(totals) do
  if not total.is_known then
    redis.call('UNLINK', total.key)
    redis.call('HSET', total.key, '', epoch)
  end
  write('HSET', total.key, total.list)
end
write('HSET', KEYS[2], mine)
write('HDEL', KEYS[2], gone)
redis.call('PEXPIREAT', KEYS[2], expires)
return { 'applied', epoch, clock }
`;

/** `head own : id, retention`, replies `left`. */
const LEAVE = `
local record = redis.call('HGET', head, 'i:' .. ARGV[1])
if not record then return { 'left' } end
local one = instance(record)
one.left, one.seen = '1', now()
one.expires = one.seen + ARGV[2]
redis.call('HSET', head, 'i:' .. ARGV[1], record_of(one))
redis.call('PEXPIREAT', KEYS[2], whole(one.expires + 60000))
return { 'left' }
`;

/**
 * `head : cursor, count`, replies `head, next cursor, fields, version, epoch, clock,
 * history, current history, until, now`.
 */
const HEAD = `
local state = redis.call('HMGET', head, 'version', 'epoch', 'clock', 'history', 'until')
if not state[2] then return { 'empty' } end
if state[1] ~= VERSION then return { 'version', state[1] or '' } end
local page = redis.call('HSCAN', head, ARGV[1], 'COUNT', ARGV[2])
return { 'head', page[1], page[2], state[2], state[3], state[4], current_history(), state[5],
  whole(now()) }
`;

/**
 * `head hashes… : epoch, cursor in the first hash, count`, replies `rows, how many hashes
 * are done, next cursor in the one after these, fields…`: whole hashes while there is room,
 * or a page of one that is larger.
 */
const ROWS = `
local epoch, cursor, room = ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('HGET', head, 'epoch') ~= epoch then return { 'anew' } end
local reply = { 'rows', '', '0' }
local done = 0
for i = 2, #KEYS do
  local fields = {}
  if redis.call('HGET', KEYS[i], '') == epoch then
    local size = redis.call('HLEN', KEYS[i])
    if size > room and done > 0 then break end
    if size > room or cursor ~= '0' then
      local page = redis.call('HSCAN', KEYS[i], cursor, 'COUNT', ARGV[3])
      reply[3], fields = page[1], page[2]
      size = room
    else
      fields = redis.call('HGETALL', KEYS[i])
    end
    room = room - size
  end
  reply[#reply + 1] = fields
  if reply[3] ~= '0' then break end
  done = done + 1
  if room <= 0 then break end
end
reply[2] = whole(done)
return reply
`;

/** The scripts, as Redis takes them. */
export const SCRIPTS = {
  join: COMMON + JOIN,
  push: COMMON + PUSH,
  leave: COMMON + LEAVE,
  head: COMMON + HEAD,
  rows: COMMON + ROWS,
} as const;
