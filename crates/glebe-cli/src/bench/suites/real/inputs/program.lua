-- Tables, strings and closures. Arguments: size and seed.
local size, seed = tonumber(arg[1]), tonumber(arg[2])
math.randomseed(seed)

local counts, words = {}, {}
for i = 1, size do
  local word = 'w' .. math.random(size) .. string.rep('x', math.random(0, 40))
  words[i] = word
  counts[word] = (counts[word] or 0) + 1
end
local total = 0
for _, count in pairs(counts) do total = total + count end
assert(total == size)

local text, found = table.concat(words, ' '), 0
for word in text:gmatch('%S+') do
  found = found + 1
  assert(words[found] == word)
end
assert(#text:gsub('x+', '-'):upper() < #text)

local points = {}
for i = 1, size do points[i] = { x = math.random(), name = words[i], add = function() return i end } end
table.sort(points, function(a, b) return a.x < b.x end)
for i = 2, size do assert(points[i - 1].x <= points[i].x) end

-- Rounds of replacement: what is old becomes garbage.
local sum = 0
for round = 1, 4 do
  for i = 1, size, 2 do
    points[i] = { x = i, name = words[i] .. round, list = { round, i, {} }, add = points[i].add }
  end
end
for i = 1, size do sum = sum + points[i].add() end
assert(sum == size * (size + 1) // 2)
print('done ' .. found)
