-- For wrk: sixteen requests at once on each connection (RFC 9112, 9.3.2).
init = function()
  local each = {}
  for n = 1, 16 do each[n] = wrk.format() end
  all = table.concat(each)
end
request = function() return all end
