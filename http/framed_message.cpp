#include <rondo/http/framed_message.hpp>

#include <array>

namespace rondo::http {

framed_message::framed_message(detail::opcode kind, std::string_view data) : kind_(kind) {
  std::array<std::byte, detail::longest_frame_head> head;
  head_bytes_ = static_cast<std::uint8_t>(detail::write_frame_head(
      {.length = data.size(), .mask = {}, .kind = kind, .reserved = 0, .last = true}, head));
  wire_.reserve(head_bytes_ + data.size());
  wire_.append(reinterpret_cast<const char*>(head.data()), head_bytes_);
  wire_.append(data);
}

}  // namespace rondo::http
