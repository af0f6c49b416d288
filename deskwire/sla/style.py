"""How the pages look: on a screen, light or dark as the reader has it, and on paper."""

_LIGHT = """--ink:#1b1f24;--quiet:#57606a;--paper:#fff;--field:#f3f5f7;--line:#d0d7de;--good:#116329;--bad:#a40e26;
--running:#2da44e;--late:#cf222e;--paused:#d4a72c;--outside:#d0d7de;--first:#0550ae;--second:#5c99e0"""
_DARK = """--ink:#e6edf3;--quiet:#9aa4af;--paper:#0d1117;--field:#1b222b;--line:#39424e;--good:#56d364;--bad:#ff7b72;
--running:#2ea043;--late:#f85149;--paused:#d29922;--outside:#484f58;--first:#79b8ff;--second:#3b6eb5"""

STYLE = f"""
:root{{{_LIGHT}}}
@media screen{{:root{{color-scheme:light dark}}}}
@media screen and (prefers-color-scheme:dark){{:root{{{_DARK}}}}}
body{{font:15px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--paper)}}
body{{max-width:62rem;margin:2rem auto;padding:0 1rem}}
h1{{font-size:1.5rem;margin:0}}h2{{font-size:1.15rem;margin:2rem 0 .2rem}}
h2 span{{font-weight:600;font-size:.8rem;padding:.1rem .5rem;border-radius:.6rem;border:1px solid var(--quiet)}}
h2 .met{{color:var(--good);border-color:var(--good)}}h2 .breached{{color:var(--bad);border-color:var(--bad)}}
table{{border-collapse:collapse;margin:.6rem 0;font-variant-numeric:tabular-nums}}
th,td{{text-align:left;vertical-align:top;padding:.15rem 1.2rem .15rem 0}}th{{font-weight:600;color:var(--quiet)}}
code{{font-size:.8rem;overflow-wrap:anywhere}}
.time{{display:block;width:100%;height:20px;background:var(--field);margin-top:.6rem}}
.running{{fill:var(--running);background:var(--running)}}.late{{fill:var(--late);background:var(--late)}}
.paused{{fill:var(--paused);background:var(--paused)}}.outside{{fill:var(--outside);background:var(--outside)}}
.legend{{color:var(--quiet);margin:.2rem 0;font-size:.8rem}}
.key{{display:inline-block;width:.8rem;height:.8rem;margin-left:.6rem;vertical-align:-.1rem}}
.key:first-child{{margin-left:0}}
footer{{margin-top:2rem;border-top:1px solid var(--line);color:var(--quiet);font-size:.85rem}}
@media print{{body{{margin:0;max-width:none;font-size:11px}}section{{break-inside:avoid}}
svg,.key,rect{{print-color-adjust:exact;-webkit-print-color-adjust:exact}}}}
"""

REPORT_STYLE = """
body{max-width:78rem}
.facts{display:flex;flex-wrap:wrap;gap:.8rem;margin:1.2rem 0;padding:0;list-style:none}
.facts li{background:var(--field);border-radius:.5rem;padding:.6rem 1rem;min-width:8rem;color:var(--quiet)}
.facts b{display:block;font-size:1.35rem;color:var(--ink);font-variant-numeric:tabular-nums}
section{border-top:1px solid var(--line);margin-top:1.6rem}section h2{margin-top:1rem}
h3{font-size:1rem;margin:.8rem 0 0}
.pair{display:grid;grid-template-columns:minmax(0,6fr) minmax(0,5fr);gap:.4rem 2.5rem;align-items:start}
.pair>svg{width:100%;height:auto;margin:.3rem 0}.pair>div{overflow-x:auto}
@media screen and (max-width:56rem){.pair{grid-template-columns:minmax(0,1fr)}}
.pair table{font-size:.85rem}.number,.pair .number{text-align:right;padding-right:1rem;white-space:nowrap}
.pair td:first-child{min-width:7rem;max-width:16rem;overflow-wrap:anywhere}
.pair tbody tr{border-top:1px solid var(--line)}
svg text{fill:var(--ink);font-size:13px;font-variant-numeric:tabular-nums}
svg text{paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}
svg .quiet{fill:var(--quiet);font-size:11px}
svg line{stroke:var(--line)}svg .field{fill:var(--field)}.none{color:var(--quiet)}
.met{fill:var(--running);background:var(--running)}.breached{fill:var(--late);background:var(--late)}
.first{fill:var(--first);background:var(--first)}.second{fill:var(--second);background:var(--second)}
@media print{section{break-inside:auto}h2,h3,.legend{break-after:avoid}.pair{break-inside:avoid;gap:1rem}
h1{font-size:18px}h2{font-size:14px}h3{font-size:12px}.legend{font-size:9px}
.pair table{font-size:9px}.pair td,.pair th{padding-right:.5rem}@page{margin:1.5cm}}
"""
