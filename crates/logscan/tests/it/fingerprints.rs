//! The same failure has one name in all releases of a program, and another one has another.

use pycoroner_logscan::Options;

use crate::shown::scan_text;

/// As CPython 3.8 printed it, with a comprehension's own frame.
const OLD: &str = r#"Traceback (most recent call last):
  File "/opt/venvs/shop-1.4/bin/gunicorn", line 8, in <module>
    sys.exit(run())
  File "/opt/venvs/shop-1.4/lib/python3.8/site-packages/gunicorn/app/base.py", line 67, in run
    super().run()
  File "/srv/releases/20240501/shop/views.py", line 48, in checkout
    totals = [price(item) for item in cart]
  File "/srv/releases/20240501/shop/views.py", line 48, in <listcomp>
    totals = [price(item) for item in cart]
  File "/srv/releases/20240501/shop/pricing.py", line 12, in price
    return table[item.sku]
KeyError: 'SKU-7731'
"#;

/// As CPython 3.13 printed it, with carets, from another folder, with other lines.
const NEW: &str = r#"Traceback (most recent call last):
  File "/home/app/.venv/lib/python3.13/site-packages/gunicorn/workers/sync.py", line 134, in handle
    self.handle_request(listener, req, client, addr)
    ~~~~~~~~~~~~~~~~~~~^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/releases/20241120/shop/views.py", line 61, in checkout
    totals = [price(item) for item in cart]
              ~~~~~^^^^^^
  File "/srv/releases/20241120/shop/pricing.py", line 19, in price
    return table[item.sku]
           ~~~~~^^^^^^^^^^
KeyError: 'SKU-1'
"#;

fn names(texts: &[&str]) -> Vec<(String, u64)> {
    let log: String =
        texts.iter().map(|text| format!("2024-05-01 12:00:00 ERROR shop: failed\n{text}")).collect();
    let scan = scan_text(&log, &Options::default());
    scan.tracebacks.iter().map(|entry| (entry.fingerprint.clone(), entry.count)).collect()
}

#[test]
fn releases() {
    let found = names(&[OLD, NEW, OLD]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].1, 3);
    let others = [
        NEW.replace("in price", "in discount"),
        NEW.replace("KeyError: 'SKU-1'", "ValueError: 'SKU-1'"),
        NEW.replace("shop/pricing.py", "shop/stock.py"),
        NEW.replace("in checkout", "in refund"),
    ];
    for other in &others {
        let found = names(&[OLD, other]);
        assert_eq!(found.len(), 2, "{other}");
        assert_ne!(found[0].0, found[1].0, "{other}");
    }
}
