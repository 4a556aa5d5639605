// Reads an event stream (WHATWG HTML, section 9.2.6): bytes in, events out. Internal.
//
//   event_parser p;
//   std::string_view input = …;              // as much as has come, split anywhere
//   while (auto e = p.next(input)) use(*e);  // all of the input is taken when there is none
//
// An event counts when the empty line behind it has come: of one that the end of the stream cuts
// off, neither the data nor the id do.
#pragma once

#include <rondo/http/event.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace rondo::http::detail {

class event_parser {
 public:
  explicit event_parser(event_limits limits = {}, const std::string& last_id = {})
      : limits_(limits), id_(last_id), last_id_(last_id) {}

  // The next event in `input`, of which it takes what it has read. Throws protocol_error past a
  // limit; then the stream is lost.
  std::optional<message_event> next(std::string_view& input);
  // A new stream begins, after one that broke off. The last id holds on, as in browsers.
  void begin_again();

  // Of the last event that was ended, with data or without.
  const std::string& last_event_id() const noexcept { return last_id_; }
  // What the server has said last of how long to wait before coming again; nullopt: nothing.
  std::optional<std::chrono::milliseconds> retry() const noexcept { return retry_; }

 private:
  // True: the line ended an event that has data.
  bool read_line(std::string_view line);
  void read_field(std::string_view name, std::string_view value);
  void keep(std::string_view part);

  event_limits limits_;
  std::string line_;  // of which the end has not come
  std::string type_;
  std::string data_;
  std::string id_;  // of the event that has not ended
  std::string last_id_;
  std::optional<std::chrono::milliseconds> retry_;
  bool first_line_ = true;
  bool after_cr_ = false;  // a LF that comes next belongs to it
};

}  // namespace rondo::http::detail
