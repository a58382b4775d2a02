//! Text that the standard library's Python code prints.

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{self, Object};
use crate::objects::repr::callable::is_none;
use crate::objects::repr::form::Form;
use crate::objects::repr::{Objects, rule};
use crate::objects::unicode::{self, read_string};
use crate::objects::{attributes, dict, integer, sequence};

/// Longest name that is printed whole.
const MAX_NAME: usize = 4096;
/// Most parents of a logger.
const MAX_PARENTS: usize = 100;
/// Most members of an enumeration that are looked at.
const MAX_MEMBERS: usize = 10_000;

type Made = Result<Form, ReadError>;

/// `Counter.__repr__`: the most common first.
pub(super) fn counter(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let python = objects.python();
    let name = objects.type_name_of(object)?.name().to_owned();
    let mut entries = dict::entries(python, object.cast(), usize::MAX)?;
    if entries.len == 0 {
        return Ok(Form::text(format!("{name}()")));
    }
    let form = Form::text(format!("{name}({{"));
    let count = |value: Ptr<Object>| integer::read_i128(python, value.cast());
    let sortable = entries.items.iter().all(|&(_, value)| count(value).is_ok());
    if sortable {
        entries.items.sort_by_cached_key(|&(_, value)| std::cmp::Reverse(count(value).unwrap_or(0)));
    }
    entries.items.truncate(limit);
    let form = form.pairs(&entries.items, ": ", entries.len, entries.fault).and("})");
    Ok(if sortable { form } else { form.inexact() })
}

/// `UserDict.__repr__` and those like it.
pub(super) fn user_data(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let data = attributes::get(objects.python(), object, "data")?;
    Ok(Form::default().object(data))
}

/// `ChainMap.__repr__`.
pub(super) fn chain_map(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let python = objects.python();
    let name = objects.type_name_of(object)?;
    let maps = attributes::get(python, object, "maps")?.ok_or(ReadError::Null("ChainMap.maps"))?;
    let maps = sequence::list(python, maps.cast(), limit)?;
    Ok(Form::text(format!("{}(", name.name())).elements(&maps).and(")"))
}

/// `__repr__` of the dicts of `weakref`: `<Name at 0x…>`.
pub(super) fn weak_dict(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    Ok(Form::text(format!("<{} at {object:?}>", objects.type_name_of(object)?.name())))
}

/// `Namespace` of `argparse`: as `types.SimpleNamespace`, with names that are no identifiers at the end.
pub(super) fn argument_namespace(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let python = objects.python();
    let form = Form::text(format!("{}(", objects.type_name_of(object)?.name()));
    let found = attributes::attributes(python, object, limit);
    let plain = |name: &str| {
        !name.starts_with(|first: char| first.is_ascii_digit())
            && name.chars().all(|character| character == '_' || character.is_alphanumeric())
    };
    let exact = found.items.iter().all(|attribute| plain(&attribute.name));
    let mut items: Vec<_> = found.items.iter().map(|item| (item.name.clone(), item.value)).collect();
    if python.dialect().repr_style.namespace_sorted {
        items.sort_by(|a, b| a.0.cmp(&b.0));
    }
    let form = form.named(items);
    let form = form.end_of_attributes(&found).and(")");
    Ok(if exact { form } else { form.inexact() })
}

/// The `__repr__` that `collections.namedtuple` makes.
pub(super) fn named_tuple(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let python = objects.python();
    let class = python.type_of(object)?;
    let name = objects.type_name(class);
    let fields = rule::inherited_attribute(objects, class, "_fields")?.ok_or(ReadError::Null("_fields"))?;
    let fields = sequence::tuple(python, fields.cast(), limit)?;
    let values = sequence::tuple(python, object.cast(), limit)?;
    let mut form = Form::text(format!("{}(", name.name()));
    for (index, (field, value)) in fields.items.iter().zip(&values.items).enumerate() {
        let field = field.ok_or(ReadError::Null("_fields"))?;
        let field = read_string(python, field.cast(), MAX_NAME)?;
        form = form.and(format!("{}{field}=", if index > 0 { ", " } else { "" })).object(*value);
    }
    Ok(form.rest(values.items.len(), values.len, values.fault).and(")"))
}

/// The `__repr__` that `dataclasses.dataclass` makes.
pub(super) fn data_class(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let python = objects.python();
    let class = python.type_of(object)?;
    let fields = rule::inherited_attribute(objects, class, "__dataclass_fields__")?;
    let fields = fields.ok_or(ReadError::Null("__dataclass_fields__"))?;
    let entries = dict::entries(python, fields.cast(), limit)?;
    let mut form = Form::text(format!("{}(", objects.type_name(class).qualname));
    let mut shown = 0;
    for &(key, field) in &entries.items {
        if !is_shown(objects, field)? {
            continue;
        }
        let name = read_string(python, key.cast(), MAX_NAME)?;
        let value = match attributes::get(python, object, &name)? {
            Some(value) => Some(value),
            None => rule::inherited_attribute(objects, class, &name)?,
        };
        form = form.and(format!("{}{name}=", if shown > 0 { ", " } else { "" }));
        form = match value {
            Some(value) => form.object(Some(value)),
            // Python raises AttributeError here.
            None => form.and("<unset>").inexact(),
        };
        shown += 1;
    }
    Ok(form.rest(entries.items.len(), entries.len, entries.fault).and(")"))
}

/// Whether a `dataclasses.Field` is one of the instance's, and meant to be shown.
fn is_shown(objects: &Objects<'_>, field: Ptr<Object>) -> Result<bool, ReadError> {
    let python = objects.python();
    let kind = attributes::get(python, field, "_field_type")?;
    let is_field = match kind {
        Some(kind) => attributes::get(python, kind, "name")?
            .is_some_and(|name| unicode::is_str(python, name, "_FIELD") == Ok(true)),
        None => false,
    };
    let repr = attributes::get(python, field, "repr")?;
    Ok(is_field && repr.is_some_and(|repr| integer::read_i128(python, repr.cast()) == Ok(1)))
}

/// `Enum.__repr__`.
pub(super) fn enum_member(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let class = objects.type_name_of(object)?;
    let name = attributes::get(python, object, "_name_")?;
    let value = attributes::get(python, object, "_value_")?.ok_or(ReadError::Null("_value_"))?;
    let name = match name.filter(|&name| !is_none(objects, name)) {
        Some(name) => format!(".{}", read_string(python, name.cast(), MAX_NAME)?),
        None => ".None".to_owned(),
    };
    let form = Form::text(format!("<{}{name}: ", class.name()));
    Ok(member_value(objects, form, object, value)?.and(">"))
}

/// Adds the value of a member: what `_value_repr_` of its class prints (3.12+), if that is known.
fn member_value(objects: &Objects<'_>, form: Form, object: Ptr<Object>, value: Ptr<Object>) -> Made {
    let class = objects.python().type_of(object)?;
    let own = rule::inherited_attribute(objects, class, "_value_repr_")?;
    // A slot wrapper is that of a built-in type, which the value has too.
    let known = match own {
        None => true,
        Some(own) => {
            matches!(objects.type_name_of(own)?.qualified().as_str(), "NoneType" | "wrapper_descriptor")
        }
    };
    let form = form.object(Some(value));
    Ok(if known { form } else { form.inexact() })
}

/// `Flag.__repr__`: up to 3.10 a combination without a name is taken apart.
pub(super) fn flag(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let python = objects.python();
    let name = attributes::get(python, object, "_name_")?.filter(|&name| !is_none(objects, name));
    if name.is_some() {
        return enum_member(objects, object, limit);
    }
    let class = python.type_of(object)?;
    let shown = objects.type_name(class).name().to_owned();
    let value = attributes::get(python, object, "_value_")?.ok_or(ReadError::Null("_value_"))?;
    // 3.11 brought `_flag_mask_`, and names for all combinations that have one.
    if rule::inherited_attribute(objects, class, "_flag_mask_")?.is_some() {
        return Ok(member_value(objects, Form::text(format!("<{shown}: ")), object, value)?.and(">"));
    }
    let bits = integer::read_i128(python, value.cast())?;
    let members = decompose(objects, class, bits)?;
    let form = Form::text(format!("<{shown}.{}: ", members.join("|"))).object(Some(value)).and(">");
    Ok(form)
}

/// `enum._decompose` up to 3.10: names of the members that make up a value, the largest first.
fn decompose(
    objects: &Objects<'_>,
    class: Ptr<member::TypeObject>,
    bits: i128,
) -> Result<Vec<String>, ReadError> {
    let python = objects.python();
    let map = rule::inherited_attribute(objects, class, "_value2member_map_")?;
    let map = map.ok_or(ReadError::Null("_value2member_map_"))?;
    let mut all = Vec::new();
    for (key, member) in dict::entries(python, map.cast(), MAX_MEMBERS)?.items {
        let Ok(value) = integer::read_i128(python, key.cast()) else { continue };
        let name = attributes::get(python, member, "_name_")?.filter(|&name| !is_none(objects, name));
        let name = match name {
            Some(name) => Some(read_string(python, name.cast(), MAX_NAME)?),
            None => None,
        };
        all.push((value, name));
    }
    // Members without a name are made for single bits that were asked for; they count for positive values.
    let counts = |&(value, ref name): &(i128, Option<String>)| {
        value != 0 && value & bits == value && (name.is_some() || bits >= 0 && value.count_ones() == 1)
    };
    let mut found: Vec<_> = all.iter().filter(|member| counts(member)).collect();
    if found.is_empty() {
        found.extend(all.iter().find(|member| member.0 == bits));
    }
    found.sort_by_key(|member| std::cmp::Reverse(member.0));
    if found.len() > 1 && found.first().is_some_and(|member| member.0 == bits) {
        found.remove(0);
    }
    Ok(found.into_iter().map(|(value, name)| name.clone().unwrap_or_else(|| value.to_string())).collect())
}

/// `Logger.__repr__`: its name and the level in force, which the nearest parent with one decides.
pub(super) fn logger(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let class = objects.type_name_of(object)?;
    let name = attributes::get(python, object, "name")?.ok_or(ReadError::Null("Logger.name"))?;
    let name = read_string(python, name.cast(), MAX_NAME)?;
    let mut level = 0;
    let mut next = Some(object);
    for _ in 0..MAX_PARENTS {
        let Some(logger) = next.filter(|&logger| level == 0 && !is_none(objects, logger)) else { break };
        let own = attributes::get(python, logger, "level")?.ok_or(ReadError::Null("Logger.level"))?;
        level = integer::read_i128(python, own.cast())?;
        next = attributes::get(python, logger, "parent")?;
    }
    let shown = match level {
        0 => "NOTSET",
        10 => "DEBUG",
        20 => "INFO",
        30 => "WARNING",
        40 => "ERROR",
        50 => "CRITICAL",
        // `addLevelName` may have named it.
        level => return Ok(Form::text(format!("<{} {name} (Level {level})>", class.name())).inexact()),
    };
    Ok(Form::text(format!("<{} {name} ({shown})>", class.name())))
}

/// `_BaseAddress.__repr__`, of version 4.
pub(super) fn ip_address(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let class = objects.type_name_of(object)?;
    let number = attributes::get(python, object, "_ip")?.ok_or(ReadError::Null("_BaseAddress._ip"))?;
    let number = integer::read_i128(python, number.cast())?;
    match u32::try_from(number) {
        Ok(number) if class.name() == "IPv4Address" => {
            Ok(Form::text(format!("IPv4Address('{}')", std::net::Ipv4Addr::from(number))))
        }
        _ => Ok(Form::text(format!("<{} {number:#x}>", class.qualified())).inexact()),
    }
}

/// `Fraction.__repr__`.
pub(super) fn fraction(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let name = objects.type_name_of(object)?;
    Ok(Form::text(format!("{}(", name.name()))
        .object(attributes::get(python, object, "_numerator")?)
        .and(", ")
        .object(attributes::get(python, object, "_denominator")?)
        .and(")"))
}

/// `UUID.__repr__`.
pub(super) fn uuid(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let name = objects.type_name_of(object)?;
    let int = attributes::get(python, object, "int")?.ok_or(ReadError::Null("UUID.int"))?;
    let invalid = ReadError::Invalid { at: object.address(), what: "UUID of impossible size" };
    let hex = match integer::read(python, int.cast())? {
        integer::IntValue::Whole(int) => int.to_u128().ok_or(invalid)?,
        integer::IntValue::Large(_) => return Err(invalid),
    };
    let hex = format!("{hex:032x}");
    let mut groups = Vec::new();
    let mut rest = hex.as_str();
    for len in [8, 4, 4, 4, 12] {
        let (group, other) = rest.split_at(len);
        groups.push(group);
        rest = other;
    }
    Ok(Form::text(format!("{}('{}')", name.name(), groups.join("-"))))
}

/// `PurePath.__repr__`, of a path whose text was needed before or can be put together.
pub(super) fn path(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let python = objects.python();
    let name = objects.type_name_of(object)?.name().to_owned();
    let form = Form::text(format!("{name}("));
    if let Some(text) = attributes::get(python, object, "_str")? {
        return Ok(form.object(Some(text)).and(")"));
    }
    if let Some(parts) = attributes::get(python, object, "_parts")? {
        return joined_path(objects, form, object, parts, limit);
    }
    // 3.12+: the arguments of the constructor; normalised only when they are needed.
    if let Some(raw) = attributes::get(python, object, "_raw_paths")? {
        let raw = sequence::list(python, raw.cast(), 2)?;
        if let ([Some(only)], 1) = (raw.items.as_slice(), raw.len)
            && read_string(python, only.cast(), MAX_NAME).is_ok_and(|text| is_normal(&text))
        {
            return Ok(form.object(Some(*only)).and(")"));
        }
        return Ok(form
            .and("<not normalised: ")
            .object(attributes::get(python, object, "_raw_paths")?)
            .and(">)")
            .inexact());
    }
    Ok(form.and("<unset>)").inexact())
}

/// Whether `pathlib` leaves a POSIX path as it is.
fn is_normal(path: &str) -> bool {
    let relative = path.strip_prefix('/').unwrap_or(path);
    path == "/" || !relative.is_empty() && relative.split('/').all(|part| !part.is_empty() && part != ".")
}

/// Up to 3.11: drive, root and parts, the first of which holds drive and root again.
fn joined_path(
    objects: &Objects<'_>,
    form: Form,
    object: Ptr<Object>,
    parts: Ptr<Object>,
    limit: usize,
) -> Made {
    let python = objects.python();
    let parts = sequence::list(python, parts.cast(), limit)?;
    parts.fault.map_or(Ok(()), Err)?;
    let mut texts = Vec::new();
    for part in parts.items.into_iter().flatten() {
        texts.push(read_string(python, part.cast(), MAX_NAME)?);
    }
    let root = attributes::get(python, object, "_root")?.ok_or(ReadError::Null("PurePath._root"))?;
    let text = match texts.split_first() {
        Some((first, rest)) if !unicode::is_str(python, root, "")? => format!("{first}{}", rest.join("/")),
        _ => texts.join("/"),
    };
    let plain =
        text.chars().all(|character| matches!(character, ' '..='~') && !matches!(character, '\'' | '\\'));
    let text = if text.is_empty() { ".".to_owned() } else { text };
    let form = form.and(format!("'{text}')"));
    Ok(if plain { form } else { form.inexact() })
}
