"""The script that Streamlit runs for every look at a page."""

from __future__ import annotations

import streamlit as st

from dashboards.frame.language import choose, lang, say
from dashboards.frame.leaving import sign_out
from dashboards.frame.navigation import navigate
from dashboards.frame.parts import parts
from dashboards.frame.rows import plain
from dashboards.frame.style import style
from dashboards.frame.view import View
from dashboards.frame.watching import watch


def main() -> None:
    """Show the page that is asked for, to who is signed in."""
    st.set_page_config(page_title=say("page.title"), page_icon="🏥", layout="wide")
    style()
    asker = parts().asker()
    if asker is None:
        st.warning(say("page.signed_out"), icon=":material/logout:")
        st.markdown(f"[{say('page.sign_in')}](/sign-in)")
        st.stop()
    view = View(asker, parts(), lang())
    page = navigate(view)
    st.set_page_config(page_title=say("page.of", page=page.title, title=say("page.title")))
    with st.sidebar:
        choose()
        st.caption(say("page.who", name=plain(asker.name), role=say(f"role.{asker.role}")))
        st.button(say("page.sign_out"), icon=":material/logout:", on_click=sign_out, args=(view,))
    watch()
    page.run()


main()
