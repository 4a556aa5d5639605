// The program's own standard streams as byte streams, and a prompt for a line.
//
//   net::pipe_stream out = net::standard_output();
//   co_await out.write_all(net::bytes_of("hello\n"));
//
//   net::line_prompt prompt;
//   while (auto line = co_await prompt.ask("> ")) use(*line);
//
// Whether a descriptor blocks is a flag of the open file, which standard streams share with other
// processes: the shell that gave them, the other end of a pipeline. It is never changed here. A
// pipe and a terminal are opened once more (/proc/self/fd), so that the stream has a flag of its
// own; where that cannot be, and for a regular file, the descriptor is duplicated, and read or
// written only when poll(2) says that this will not wait, at most PIPE_BUF bytes a write. Should
// another process then take what was there, the loop waits with it.
#pragma once

#include <rondo/net/buffered_reader.hpp>
#include <rondo/net/pipe_stream.hpp>
#include <rondo/runtime/task.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace rondo::net {

// Each call gives a stream of its own: closing it leaves descriptors 0, 1 and 2 open. Throw
// std::system_error: EBADF when the program has none.
pipe_stream standard_input();
pipe_stream standard_output();
pipe_stream standard_error();

// Asks for lines, one at a time. What is typed ahead of a question answers it. Not movable, because
// it holds what was read beyond the last line.
class line_prompt {
 public:
  // Of standard input and output; a line may have up to `longest` bytes.
  explicit line_prompt(std::size_t longest = std::size_t{64} * 1024)
      : line_prompt(standard_input(), standard_output(), longest) {}
  line_prompt(pipe_stream in, pipe_stream out, std::size_t longest = std::size_t{64} * 1024)
      : in_(std::move(in)), out_(std::move(out)), reader_(in_), longest_(longest) {}
  line_prompt(const line_prompt&) = delete;
  line_prompt& operator=(const line_prompt&) = delete;

  // Writes the question and gives the line that comes, without its end; nullopt when no more will
  // come (^D). Throws limit_exceeded, std::system_error. Cancelled: what has been typed answers the
  // next question.
  task<std::optional<std::string>> ask(std::string question);

 private:
  pipe_stream in_;
  pipe_stream out_;
  buffered_reader<pipe_stream> reader_;
  std::size_t longest_;
};

}  // namespace rondo::net
