// The page of the chat, as chat_server.cpp serves it: a form to enter by, and what is said in the
// room. It needs nothing from anywhere else, and shows what others write as text alone.
#pragma once

#include <string_view>

inline constexpr std::string_view chat_page = R"html(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Chat</title>
<link rel="icon" href="data:,">
<style>
  :root {
    color-scheme: light dark;
    --back: #f3f4f7; --paper: #fff; --text: #1c1e26; --faint: #666b78; --border: #d9dce3;
    --accent: #2f5fd0; --on-accent: #fff; --mine: #e4ecff; --name: 48%;
  }
  @media (prefers-color-scheme: dark) {
    :root {
      --back: #14151a; --paper: #1e2027; --text: #e7e9ef; --faint: #9aa0ae; --border: #343844;
      --accent: #7ea2ff; --on-accent: #10131c; --mine: #29345a; --name: 78%;
    }
  }
  * { box-sizing: border-box; }
  [hidden] { display: none !important; }
  body {
    margin: 0; height: 100dvh; display: flex; justify-content: center;
    background: var(--back); color: var(--text); font: 16px/1.45 system-ui, sans-serif;
  }
  input, button { font: inherit; color: inherit; border-radius: 8px; padding: 0.55em 0.8em; }
  input { width: 100%; background: var(--paper); border: 1px solid var(--border); }
  button { border: 0; background: var(--accent); color: var(--on-accent); font-weight: 600; }
  button:hover { filter: brightness(1.08); }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }

  #enter {
    align-self: center; width: min(22rem, 100% - 2rem); display: grid; gap: 0.9rem;
    padding: 1.5rem; background: var(--paper); border: 1px solid var(--border);
    border-radius: 14px;
  }
  h1 { margin: 0; font-size: 1.25rem; }
  label { display: grid; gap: 0.25rem; font-size: 0.875rem; color: var(--faint); }
  label input { font-size: 1rem; color: var(--text); }

  #chat {
    width: 100%; max-width: 46rem; display: flex; flex-direction: column; min-width: 0;
    background: var(--paper); border-inline: 1px solid var(--border);
  }
  header {
    display: flex; gap: 0.6rem; align-items: center; padding: 0.8rem 1rem;
    border-bottom: 1px solid var(--border);
  }
  header h1 { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; }
  #state { color: var(--faint); font-size: 0.875rem; }
  #log {
    flex: 1; margin: 0; padding: 1rem; list-style: none; overflow-y: auto;
    display: flex; flex-direction: column; gap: 0.45rem;
  }
  #log li {
    align-self: flex-start; max-width: 85%; padding: 0.4rem 0.75rem; border-radius: 12px;
    background: var(--back); overflow-wrap: anywhere; white-space: pre-wrap;
  }
  #log li.mine { align-self: flex-end; background: var(--mine); }
  #log li.notice {
    align-self: center; background: none; color: var(--faint); font-size: 0.875rem; padding: 0;
  }
  #log b { display: block; font-size: 0.8125rem; }
  #again { margin: 0.8rem 1rem; }
  #say { display: flex; gap: 0.6rem; padding: 0.8rem 1rem; border-top: 1px solid var(--border); }
</style>

<form id="enter">
  <h1>Enter the chat</h1>
  <label>Your name
    <input id="nick" required maxlength="32" autofocus autocomplete="nickname"></label>
  <label>Room <input id="room" required maxlength="32" value="lobby"></label>
  <button>Enter</button>
</form>

<main id="chat" hidden>
  <header><h1 id="title"></h1><span id="state"></span></header>
  <ol id="log" role="log"></ol>
  <form id="say" hidden>
    <input id="line" aria-label="What you say" placeholder="Say something" maxlength="1000"
           autocomplete="off">
    <button>Send</button>
  </form>
  <button id="again" form="enter" hidden>Enter again</button>
</main>

<script>
const part = id => document.getElementById(id);
const most_lines = 500;

// A line is "name: what was said"; any other is the room's own.
function show(line, me) {
  const [, name, said] = line.match(/^(.{1,32}?): (.*)$/s) ?? [];
  const item = document.createElement("li");
  if (name === undefined) {
    item.className = "notice";
    item.textContent = line;
  } else {
    const who = document.createElement("b");
    const hue = [...name].reduce((sum, c) => (sum * 31 + c.codePointAt(0)) % 360, 7);
    who.textContent = name;
    who.style.color = `oklch(var(--name) 0.14 ${hue})`;
    item.className = name === me ? "mine" : "";
    item.append(who, said);
  }
  part("log").append(item);
  while (part("log").childElementCount > most_lines) part("log").firstChild.remove();
  item.scrollIntoView({block: "end"});
}

part("enter").onsubmit = entered => {
  entered.preventDefault();
  const me = part("nick").value, room = part("room").value;
  const ws = new WebSocket(`${location.origin.replace("http", "ws")}/rooms/` +
                           `${encodeURIComponent(room)}?nick=${encodeURIComponent(me)}`);
  part("enter").hidden = true;
  part("chat").hidden = false;
  part("title").textContent = room;
  part("state").textContent = "connecting …";
  ws.onopen = () => {
    part("state").textContent = `as ${me}`;
    part("say").hidden = false;
    part("again").hidden = true;
    part("line").focus();
  };
  ws.onmessage = message => show(message.data, me);
  ws.onclose = closed => {
    show(closed.code === 1001 ? "The chat has stopped."
                              : `The connection has ended (${closed.code}). ${closed.reason}`);
    part("state").textContent = "";
    part("say").hidden = true;
    part("again").hidden = false;
  };
  part("say").onsubmit = said => {
    said.preventDefault();
    if (part("line").value !== "") ws.send(part("line").value);
    part("line").value = "";
  };
};
</script>
</html>
)html";
