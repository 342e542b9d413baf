/** The version of the data. Data of another version is not changed. */
const VERSION = "2";

/**
 * The data of one namespace in Redis, all in one slot of a cluster:
 *
 * - `head`, a hash: `version`; `epoch`; `clock`, which counts applied batches; `orders` and
 *   `places`, which count instances and families; `history` and `until`, see below;
 *   `f:<name>` for a family: its place, how many series it has, how many it may have (`-` for no
 *   limit), when that limit was sent, whether its series expire, and `[family, help]` as JSON;
 *   `i:<id>` for an instance: last sequence number, order, when it last sent something, when it
 *   expires, whether it has left, and its process as JSON.
 * - `totals:<name>`, a hash for each family: series to numbers.
 * - `idle:<name>` for a family whose series expire: a sorted set of series by the time when they
 *   expire.
 * - `parts:<name>` for a family whose series have parts: a hash of the parts of each series, with line
 *   feeds between them, and of the series of each part.
 * - `own:<id>`, a hash for each instance, which expires by itself: place and series to numbers.
 *
 * The hashes of totals and instances hold their epoch in the empty field. It shows whether a hash was
 * evicted, has expired, or belongs to a former epoch. Numbers are texts separated by a space, with up
 * to 17 digits, because Redis itself would round sums and has no NaN.
 *
 * Redis acknowledges before a write is safe, so a restart or a failover may lose the last writes.
 * The server then has a new run id or a new replication id. Together they are its `history`. If it
 * lost something, the `clock` is behind the one that a session has seen, or the epoch is a former
 * one. A session that finds this starts the store again. Until `until`, all sessions have the time
 * to do so.
 *
 * Redis does not roll back a script that fails. So everything that can fail comes before the first
 * write. A lack of memory fails the first write.
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

-- The run id, the replication id, and whether the server was promoted since it has the latter. Also
-- whether it is a replica that has not reached its primary since it started.
local function current_history()
  local info = redis.pcall('INFO', 'server', 'replication')
  if type(info) ~= 'string' then return '' end
  local former = info:match('master_replid2:(%x+)') or ''
  return table.concat({ info:match('run_id:(%x+)') or '-', info:match('master_replid:(%x+)') or '-',
    former:find('[^0]') and '1' or '0' }, ' '),
    info:find('master_link_down_since_seconds:-1', 1, true) ~= nil
end

-- Whether one history continues another: on a replica, or on the same server. Its replication id
-- also changes when its first replica is attached, and some time after the last one has left.
local function continues(known, current)
  if known == current then return true end
  local run, id = known:match('^(%S+) (%S+) %d$')
  local run_now, id_now, is_promoted = current:match('^(%S+) (%S+) (%d)$')
  if not run or not run_now then return false end
  return (id ~= '-' and id == id_now) or (run ~= '-' and run == run_now and is_promoted == '0')
end

local function write(command, key, list)
  for i = 1, #list, 1000 do
    redis.call(command, key, unpack(list, i, math.min(i + 999, #list)))
  end
end

local function lookup(command, key, names, into)
  for i = 1, #names, 1000 do
    local last = math.min(i + 999, #names)
    local values = redis.call(command, key, unpack(names, i, last))
    for j = i, last do into[names[j]] = values[j - i + 1] end
  end
end

local function begin(epoch)
  redis.call('HSET', head, 'version', VERSION, 'epoch', epoch, 'clock', '0',
    'history', (current_history()), 'until', '0')
end

local function begin_again(epoch)
  local base = head:sub(1, -5)
  local fields = redis.call('HKEYS', head)
  redis.call('UNLINK', head)
  begin(epoch)
  for _, field in ipairs(fields) do
    local kind, name = field:match('^([fi]):(.*)$')
    -- It does not matter if this is not allowed, because data of another epoch is ignored.
    if kind == 'f' then
      for _, part in ipairs({ 'totals:', 'idle:', 'parts:' }) do
        redis.pcall('UNLINK', base .. part .. name)
      end
    end
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

/** `head own : id, process, new epoch, retention, hold`, replies `joined, epoch, clock`. */
const JOIN = `
local id, process, epoch, retention, hold = unpack(ARGV)
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
  expires = time + math.max(retention, hold), left = '0', process = process }
redis.call('HSET', head, 'i:' .. id, record_of(one))
redis.call('UNLINK', KEYS[2])
redis.call('HSET', KEYS[2], '', epoch)
redis.call('PEXPIREAT', KEYS[2], whole(one.expires + 60000))
write('HDEL', head, expired)
return { 'joined', epoch, state[3] or '0' }
`;

/**
 * `head own (totals idle parts)… : id, sequence, new epoch, retention, hold, seen epoch, seen clock,
 * families…`, replies `applied, epoch, clock` or `unknown`. A family is its name, itself and its help
 * as JSON (no help: not introduced), its limit and its time to live (or nothing), how many adds, sets
 * and deletes it has, how many arguments an add has, and these. An add is series and numbers; if it
 * has four arguments also the series to add to instead, and the series that it is a part of (or
 * nothing).
 */
const PUSH = `
local id, sequence, epoch = ARGV[1], tonumber(ARGV[2]), nil
local state = redis.call('HMGET', head, 'version', 'epoch', 'clock', 'history', 'places',
  'i:' .. id, 'until')
epoch = state[2]
if not epoch then return { 'unknown' } end
if state[1] ~= VERSION then return { 'version', state[1] or '' } end
local clock, history, time = tonumber(state[3]), (current_history()), now()
local is_in_doubt = not continues(state[4], history) or time < tonumber(state[7])
local has_lost = ARGV[6] == epoch and tonumber(ARGV[7]) > clock
local is_former = ARGV[6] ~= '' and ARGV[6] ~= epoch and is_in_doubt
if has_lost or is_former then
  begin_again(ARGV[3])
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
  begin_again(ARGV[3])
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
-- A total that is not finite, or would not be any more, starts again at zero.
local function plus(added, total)
  local result = added + total
  local is_usual = result - result == 0 or (total - total == 0 and added - added ~= 0)
  return is_usual and result or added
end
local function sum(one, other)
  if not other then other = '' end
  if not one:find(' ', 1, true) then
    return text_of(plus(number_of(one), other == '' and 0 or number_of(other)))
  end
  local numbers, next_number = {}, other:gmatch('%S+')
  for text in one:gmatch('%S+') do
    local total = next_number()
    numbers[#numbers + 1] = text_of(plus(number_of(text), total and number_of(total) or 0))
  end
  return table.concat(numbers, ' ')
end

-- Returns the totals in a hash, without expired ones.
local function load(total, names, mains)
  local sums, parts, scores = {}, {}, {}
  total.known_parts = parts
  if not total.is_known then return sums end
  lookup('HMGET', total.key, names, sums)
  if total.has_parts or total.expire then lookup('HMGET', total.parts, mains, parts) end
  if not total.expire then return sums end
  lookup('ZMSCORE', total.idle, mains, scores)
  for _, series in ipairs(mains) do
    if scores[series] and tonumber(scores[series]) < time then
      total.is_back[series] = true
      sums[series] = false
    end
  end
  -- More may expire than come in, so that they do not pile up.
  total.expired = redis.call('ZRANGEBYSCORE', total.idle, '-inf', '(' .. whole(time), 'LIMIT', 0,
    math.max(200, 2 * #mains))
  lookup('HMGET', total.parts, total.expired, parts)
  return sums
end

-- Returns the parts of the add at an index.
local function add_at(at, width)
  local series, numbers, overflow, part_of = ARGV[at], ARGV[at + 1], '', ''
  if width == 4 then overflow, part_of = ARGV[at + 2], ARGV[at + 3] end
  return series, numbers, overflow, part_of, part_of ~= '' and part_of or series
end

local heads, totals, mine, gone = {}, {}, {}, {}
local places = tonumber(state[5] or '0')
local at, key = 8, 3
while ARGV[at] do
  local name, family, help = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local max, expire = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local adds, sets, deletes = tonumber(ARGV[at + 5]), ARGV[at + 6] * 2, tonumber(ARGV[at + 7])
  local width = tonumber(ARGV[at + 8])
  at = at + 9
  local record = redis.call('HGET', head, 'f:' .. name) or ''
  local place, count, limit, limited, expires, text = record:match('^(%d+) (%d+) (%S+) (%d+) (%d) (.*)$')
  count = tonumber(count or '0')
  if not place and (help ~= '' or adds + sets > 0) then
    places = places + 1
    place, limit, limited, expires = whole(places), '-', '0', '0'
  end
  if help ~= '' or not text then
    text = '[' .. family .. ',' .. (help == '' and '""' or help) .. ']'
  end
  if help ~= '' then
    -- A smaller limit replaces a larger one only after the larger one was not sent for a while.
    local isLarger = not max or (limit ~= '-' and max >= tonumber(limit))
    if isLarger or tonumber(limited) < time - ARGV[5] then
      limit, limited = max and whole(max) or '-', whole(time)
    end
    expires = expire and '1' or expires
  end
  if adds > 0 then
    -- What a process without a time to live adds to does not expire.
    local total = { key = KEYS[key], idle = KEYS[key + 1], parts = KEYS[key + 2],
      expire = expire or (expires == '1' and math.huge),
      list = {}, touched = {}, is_back = {}, expired = {}, new_parts = {} }
    key = key + 3
    total.is_known = redis.call('HGET', total.key, '') == epoch
    if not total.is_known then count = 0 end
    local names, mains = {}, {}
    for i = at, at + (adds - 1) * width, width do
      local series, _, overflow, _, main = add_at(i, width)
      names[#names + 1] = series
      if main == series then mains[#mains + 1] = series else total.has_parts = true end
      if overflow ~= '' then
        names[#names + 1] = overflow
        if main == series then mains[#mains + 1] = overflow end
      end
    end
    local sums = load(total, names, mains)
    local folded, order = {}, {}
    local function is_stored(series) return sums[series] or total.is_back[series] end
    for i = at, at + (adds - 1) * width, width do
      local series, numbers, overflow, part_of, main = add_at(i, width)
      if max and main == series and overflow ~= '' and overflow ~= series and not is_stored(series) then
        -- The overflow series is counted, too.
        local room = is_stored(overflow) and max + 1 or max
        if count >= room then folded[series] = overflow end
      end
      if folded[main] then main, series = folded[main], overflow end
      if part_of == '' and not is_stored(series) then count = count + 1 end
      if part_of ~= '' then
        local parts = total.new_parts[main] or {}
        parts[#parts + 1] = series
        total.new_parts[main] = parts
        -- The parts of a series that comes back belong to its former life.
        if total.is_back[main] and sums[series] and not total.touched[series] then sums[series] = false end
      end
      total.touched[main] = true
      total.touched[series] = true
      if not sums[series] or not order[series] then
        order[#order + 1] = series
        order[series] = true
      end
      sums[series] = sum(numbers, sums[series])
    end
    for _, series in ipairs(order) do
      total.list[#total.list + 1] = series
      total.list[#total.list + 1] = sums[series]
    end
    total.mains = mains
    total.folded = folded
    for _, series in ipairs(total.expired) do
      if not total.touched[series] then count = count - 1 end
    end
    totals[#totals + 1] = total
    at = at + adds * width
  end
  if place then
    heads[#heads + 1] = 'f:' .. name
    heads[#heads + 1] = table.concat({ place, whole(math.max(count, 0)), limit, limited, expires, text }, ' ')
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

local function lines(text)
  local list = {}
  for line in (text or ''):gmatch('[^\\n]+') do list[#list + 1] = line end
  return list
end

local function write_expiry(total)
  local expired, dropped = {}, {}
  local function drop(series)
    dropped[#dropped + 1] = series
    for _, part in ipairs(lines(total.known_parts[series])) do dropped[#dropped + 1] = part end
    total.known_parts[series] = false
  end
  for _, series in ipairs(total.expired) do
    if not total.touched[series] then
      expired[#expired + 1] = series
      drop(series)
    end
  end
  for series in pairs(total.is_back) do drop(series) end
  write('HDEL', total.key, dropped)
  write('HDEL', total.parts, dropped)
  write('ZREM', total.idle, expired)
  local expires = whole(time + total.expire)
  local is_scored = {}
  for _, series in ipairs(total.mains) do
    local main = total.folded[series] or series
    if total.touched[main] and not is_scored[main] then
      is_scored[main] = true
      redis.call('ZADD', total.idle, 'GT', expires, main)
    end
  end
end

local function write_parts(total)
  for main, list in pairs(total.new_parts) do
    local all, known = lines(total.known_parts[main]), {}
    for _, part in ipairs(all) do known[part] = true end
    local size = #all
    for _, part in ipairs(list) do
      if not known[part] then
        known[part] = true
        all[#all + 1] = part
        redis.call('HSET', total.parts, part, main)
      end
    end
    if #all > size then redis.call('HSET', total.parts, main, table.concat(all, '\\n')) end
  end
end

one.sequence, one.seen, one.left = sequence, time, '0'
one.expires = time + math.max(ARGV[4], ARGV[5])
clock = whole(clock + 1)
local expires = whole(one.expires + 60000)
redis.call('HSET', head, 'i:' .. id, record_of(one), 'clock', clock, 'places', whole(places))
if history ~= state[4] then redis.call('HSET', head, 'history', history) end
if not continues(state[4], history) then
  redis.call('HSET', head, 'until', whole(time + ARGV[5]))
end
write('HSET', head, heads)
for _, total in ipairs(totals) do
  if not total.is_known then
    redis.call('UNLINK', total.key, total.idle, total.parts)
    redis.call('HSET', total.key, '', epoch)
  end
  if total.expire then write_expiry(total) end
  write_parts(total)
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
 * `head : cursor, count`, replies `head, next cursor, fields, epoch, clock, whether the history
 * continues, current history, until, now`, or `empty` or `unsynced`.
 */
const HEAD = `
local state = redis.call('HMGET', head, 'version', 'epoch', 'clock', 'history', 'until')
if not state[2] then return { 'empty' } end
if state[1] ~= VERSION then return { 'version', state[1] or '' } end
local history, is_unsynced = current_history()
if is_unsynced then return { 'unsynced' } end
local page = redis.call('HSCAN', head, ARGV[1], 'COUNT', ARGV[2])
return { 'head', page[1], page[2], state[2], state[3], continues(state[4], history) and '1' or '0',
  history, state[5], whole(now()) }
`;

/**
 * `head (hash [idle parts])… : epoch, cursor in the first hash, count, for each hash whether its
 * series expire`, replies `rows, how many hashes are done, next cursor in the one after these,
 * fields…`: whole hashes while there is room, or a page of one that is larger.
 */
const ROWS = `
local epoch, cursor, room = ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('HGET', head, 'epoch') ~= epoch then return { 'restarted' } end

-- The fields that have not expired. A part expires with its series.
local function alive(fields, idle, parts)
  local time, names, expiry, series, left = now(), {}, {}, {}, {}
  for i = 1, #fields, 2 do names[#names + 1] = fields[i] end
  lookup('ZMSCORE', idle, names, expiry)
  lookup('HMGET', parts, names, series)
  for i, name in ipairs(names) do
    local expires = expiry[name] or (series[name] and redis.call('ZSCORE', idle, series[name]))
    if not expires or tonumber(expires) >= time then
      left[#left + 1] = name
      left[#left + 1] = fields[2 * i]
    end
  end
  return left
end

local reply = { 'rows', '', '0' }
local done, at = 0, 2
for i = 4, #ARGV do
  local key, expires = KEYS[at], ARGV[i] == '1'
  local fields = {}
  if redis.call('HGET', key, '') == epoch then
    local size = redis.call('HLEN', key)
    if size > room and done > 0 then break end
    if size > room or cursor ~= '0' then
      local page = redis.call('HSCAN', key, cursor, 'COUNT', ARGV[3])
      reply[3], fields = page[1], page[2]
      size = room
    else
      fields = redis.call('HGETALL', key)
    end
    room = room - size
    if expires then fields = alive(fields, KEYS[at + 1], KEYS[at + 2]) end
  end
  reply[#reply + 1] = fields
  at = at + (expires and 3 or 1)
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
