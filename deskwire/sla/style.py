"""How the page looks, on a screen and on paper."""

STYLE = """
body{font:15px/1.45 system-ui,sans-serif;color:#1b1f24;max-width:62rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .2rem}
h2 span{font-weight:600;font-size:.8rem;padding:.1rem .5rem;border-radius:.6rem;border:1px solid #57606a}
h2 .met{color:#116329;border-color:#116329}h2 .breached{color:#a40e26;border-color:#a40e26}
table{border-collapse:collapse;margin:.6rem 0;font-variant-numeric:tabular-nums}
th,td{text-align:left;vertical-align:top;padding:.15rem 1.2rem .15rem 0}th{font-weight:600;color:#57606a}
code{font-size:.8rem;overflow-wrap:anywhere}
svg{display:block;width:100%;height:20px;background:#f6f8fa;margin-top:.6rem}
.running{fill:#2da44e;background:#2da44e}.late{fill:#cf222e;background:#cf222e}
.paused{fill:#d4a72c;background:#d4a72c}.outside{fill:#d0d7de;background:#d0d7de}
.legend{color:#57606a;margin:.2rem 0;font-size:.8rem}
.key{display:inline-block;width:.8rem;height:.8rem;margin-left:.6rem;vertical-align:-.1rem}
footer{margin-top:2rem;border-top:1px solid #d0d7de;color:#57606a;font-size:.85rem}
@media print{body{margin:0;max-width:none;font-size:11px}section{break-inside:avoid}
svg,.key,rect{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
