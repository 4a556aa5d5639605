// Any, and by name; with both there, with one, and with none.
#include "../../stage/check.hpp"

#include EXERCISE

namespace {

using candidates = std::vector<tour::candidate>;

const candidates both = {{"io_uring", ""}, {"epoll", ""}};
const candidates one = {{"io_uring", "forbidden here"}, {"epoll", ""}};
const candidates none = {{"io_uring", "forbidden here"}, {"epoll", "too many files"}};

std::string error_of(const candidates& all, const std::string& wanted) {
  try {
    tour::choose(all, wanted);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

int main() {
  tour::choice c = tour::choose(both, "");
  tour::check(c.name == "io_uring" && c.note.empty(), "both are there, and it took %s",
              c.name.c_str());
  c = tour::choose(one, "");
  tour::check(c.name == "epoll", "there is no io_uring, and it took %s", c.name.c_str());
  tour::check(c.note.find("forbidden here") != std::string::npos,
              "it took epoll, and does not say why: \"%s\"", c.note.c_str());
  c = tour::choose(both, "epoll");
  tour::check(c.name == "epoll" && c.note.empty(), "epoll was asked for, and it took %s",
              c.name.c_str());
  tour::check(error_of(one, "io_uring").find("forbidden here") != std::string::npos,
              "io_uring was asked for by name and is not there, and this is no error");
  tour::check(!error_of(none, "").empty(), "nothing is there, and this is no error");
  tour::check(!error_of(both, "kqueue").empty(), "nobody has kqueue, and this is no error");
  std::puts("it falls back where it may, says so, and does not where it may not");
}
