#include <rondo/http/http2/session.hpp>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace rondo::http::detail {
namespace {

// Of a body's buffer, while all of it has been taken.
constexpr std::size_t most_kept_of_body = 1024;

}  // namespace

std::string http2_stream::take_body(std::size_t most) {
  std::string taken;
  if (body_begin_ == 0 && most >= body_.size()) {
    taken = std::exchange(body_, {});
  } else {
    taken.assign(body_, body_begin_, most);
    body_begin_ += taken.size();
    if (body_begin_ >= body_.size() / 2) {  // each byte moves once at most
      body_.erase(0, body_begin_);
      body_begin_ = 0;
    }
  }
  give_credit_of(taken.size());
  return taken;
}

std::size_t http2_stream::take_body(std::span<std::byte> into) noexcept {
  const std::size_t n = std::min(into.size(), unread());
  if (n == 0) return 0;
  std::memcpy(into.data(), body_.data() + body_begin_, n);
  body_begin_ += n;
  if (body_begin_ == body_.size() && body_.capacity() > most_kept_of_body) {
    std::string().swap(body_);
    body_begin_ = 0;
  } else if (body_begin_ >= body_.size() / 2) {
    body_.erase(0, body_begin_);
    body_begin_ = 0;
  }
  give_credit_of(n);
  return n;
}

void http2_stream::give_credit_of(std::size_t n) noexcept {
  if (session_ == nullptr || n == 0) return;
  session_->buffered_ -= n;
  if (const std::size_t from_reader = std::min(held_, n); from_reader > 0) {
    held_ -= from_reader;
    session_->give_credit(from_reader);
  }
  if (open_ && !in_ended_ && !closed_) {
    credit_ += n;
    session_->mark_due(*this);
  }
}

void http2_stream::send_head(const http2_head& h, bool end) {
  if (closed_ || session_ == nullptr) return;
  assert(!head_said_);
  submit_response(session_->native_.get(), h, *this, end);
  if (h.status >= 200) {
    head_said_ = true;
    out_ended_ = end;
  }
  session_->output.set();
}

std::size_t http2_stream::write(std::span<const std::byte> bytes) {
  assert(!out_ended_);
  const std::size_t n = std::min(bytes.size(), room());
  if (n == 0 || session_ == nullptr) return 0;
  if (out_begin_ > 0 && out_.size() + n > out_.capacity()) {
    out_.erase(0, out_begin_);
    out_begin_ = 0;
  }
  out_.append(reinterpret_cast<const char*>(bytes.data()), n);
  if (deferred_)
    session_->mark_due(*this);
  else
    session_->output.set();
  return n;
}

void http2_stream::end(http::headers trailers) {
  if (closed_ || out_ended_) return;
  out_trailers_ = std::move(trailers);
  out_ended_ = true;
  if (session_ == nullptr) return;
  if (deferred_)
    session_->mark_due(*this);
  else
    session_->output.set();
}

void http2_stream::reset(http2_code code) noexcept {
  if (closed_ || session_ == nullptr) return;
  owner_ = nullptr;
  reset_due_ = open_;
  session_->conclude(*this, code, false);
  session_->mark_due(*this);
}

void http2_stream_ref::drop() noexcept {
  http2_stream* const s = std::exchange(stream_, nullptr);
  if (s == nullptr) return;
  s->held_by_ref_ = false;
  if (http2_session* const session = s->session_) {
    if (s->unread() > 0) session->forget_body(*s);
    if (!s->closed_) {
      if (!s->out_ended_)
        s->reset(http2_code::cancel);
      else if (!s->end_sent_)
        s->abandoned_ = true;
      else if (!s->in_ended_)
        s->reset(http2_code::no_error);
    }
  }
  http2_session::release(*s);
}

}  // namespace rondo::http::detail
