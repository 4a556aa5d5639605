#include <rondo/http/body.hpp>
#include <rondo/runtime/to_thread.hpp>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace rondo::http {
namespace {

constexpr std::size_t file_piece_bytes = 64 * 1024;

struct close_file {
  void operator()(std::FILE* f) const noexcept { std::fclose(f); }
};
using file_handle = std::unique_ptr<std::FILE, close_file>;

[[noreturn]] void file_error(const std::string& path) {
  throw std::system_error(errno, std::system_category(), path);
}

// Shared with the thread that reads, which may outlive a cancelled request.
struct open_file {
  std::string path;
  file_handle handle;
};

std::string read_piece(const std::shared_ptr<open_file>& f) {
  if (!f->handle) f->handle.reset(std::fopen(f->path.c_str(), "rbe"));
  if (!f->handle) file_error(f->path);
  std::string piece(file_piece_bytes, '\0');
  piece.resize(std::fread(piece.data(), 1, piece.size(), f->handle.get()));
  if (std::ferror(f->handle.get())) file_error(f->path);
  return piece;
}

class file_source final : public body_source {
 public:
  explicit file_source(std::string path)
      : file_(std::make_shared<open_file>(open_file{std::move(path), nullptr})) {}
  task<std::optional<std::string>> next() override {
    std::string piece = co_await to_thread(&read_piece, file_);
    if (piece.empty()) co_return std::nullopt;
    co_return piece;
  }

 private:
  std::shared_ptr<open_file> file_;
};

}  // namespace

namespace {

// The system would open what stands before the NUL, another file. The message shows it as "\0".
void refuse_nul(const std::string& path) {
  if (path.find('\0') == std::string::npos) return;
  std::string shown;
  for (const char c : path) {
    if (c == '\0')
      shown += "\\0";
    else
      shown += c;
  }
  throw std::system_error(EINVAL, std::system_category(),
                          "a path with a NUL byte: \"" + shown + '"');
}

}  // namespace

std::unique_ptr<body_factory> file_body(std::string path) {
  refuse_nul(path);
  return repeatable_body([path = std::move(path)]() -> std::unique_ptr<body_source> {
    return std::make_unique<file_source>(path);
  });
}

std::uint64_t file_size(const std::string& path) {
  refuse_nul(path);
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) throw std::system_error(error, path);
  return size;
}

}  // namespace rondo::http
