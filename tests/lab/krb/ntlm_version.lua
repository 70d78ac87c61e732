-- gss-ntlmssp 1.2.0 refuses messages without the Version field (type 1 of 32 bytes, type 3 with its payload at 64), which is what libcurl
-- sends. The 8 zero bytes are put in and the offsets moved; the proof itself is not touched, and gss-ntlmssp checks it.
local alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

-- apache 2.4's own base64_decode drops the last byte
local function decode(text)
  local out, bits, count = {}, 0, 0
  for letter in text:gmatch('[%w+/]') do
    bits = bits * 64 + alphabet:find(letter, 1, true) - 1
    count = count + 6
    if count >= 8 then
      count = count - 8
      local unit = 2 ^ count
      out[#out + 1] = string.char(math.floor(bits / unit))
      bits = bits % unit
    end
  end
  return table.concat(out)
end

local function with_version(message)
  local zeros = ('\0'):rep(8)
  if message:byte(9) == 1 and #message == 32 then
    return message .. zeros
  end
  if message:byte(9) ~= 3 or #message <= 64 or message:byte(17) + 256 * message:byte(18) ~= 64 then
    return message
  end
  local head = message:sub(1, 64)
  for _, field in ipairs {12, 20, 28, 36, 44, 52} do
    local place = field + 5
    local offset = head:byte(place) + 256 * head:byte(place + 1) + 8
    head = head:sub(1, place - 1) .. string.char(offset % 256, math.floor(offset / 256)) .. head:sub(place + 2)
  end
  return head .. zeros .. message:sub(65)
end

function add_version(request)
  local header = request.headers_in['Authorization']
  local text = header and header:match('^NTLM (.+)$')
  local message = text and decode(text)
  if message and message:sub(1, 8) == 'NTLMSSP\0' then
    request.headers_in['Authorization'] = 'NTLM ' .. request:base64_encode(with_version(message))
  end
  return apache2.DECLINED
end
