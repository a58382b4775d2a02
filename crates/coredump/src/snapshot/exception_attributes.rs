//! Attributes of exceptions: what their built-in type keeps in members, then what they got from the program.

use crate::address::Ptr;
use crate::layout::Member;
use crate::layout::member::{self, BaseExceptionObject, Object, TypeObject};
use crate::objects::attributes;
use crate::runtime::attach::PythonRuntime;
use crate::snapshot::document::AttributeSection;
use crate::snapshot::values::Values;

/// Most attributes of the program's own that are listed.
const MAX_ATTRIBUTES: usize = 50;
const MAX_CLASSES: usize = 500;

/// The attributes that are set, `args` first.
pub(super) fn of(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    at: Ptr<BaseExceptionObject>,
) -> Vec<AttributeSection> {
    let python = runtime.python();
    let mut found = Found { runtime, values, at, sections: Vec::new() };
    if let Ok(Some(args)) = python.read(at, member::EXC_ARGS) {
        found.push("args", args.cast());
    }
    let mut class = python.type_of(at.cast()).ok();
    for _ in 0..MAX_CLASSES {
        let Some(of) = class else { break };
        found.members(of);
        class = python.read(of, member::TYPE_BASE).ok().flatten();
    }
    let own = attributes::attributes(python, at.cast(), MAX_ATTRIBUTES);
    for attribute in own.items.into_iter().filter(|attribute| attribute.name != "__notes__") {
        found.push(&attribute.name, attribute.value);
    }
    found.sections
}

struct Found<'f, 'r, 'p> {
    runtime: &'f PythonRuntime<'p>,
    values: &'f Values<'r, 'p>,
    at: Ptr<BaseExceptionObject>,
    sections: Vec<AttributeSection>,
}

impl Found<'_, '_, '_> {
    fn push(&mut self, name: &str, value: Ptr<Object>) {
        self.sections.push(AttributeSection {
            name: name.to_owned(),
            type_name: self.values.type_name(value),
            repr: self.values.repr(value).text,
        });
    }

    fn object<S>(&mut self, name: &str, member: Member<S, Option<Ptr<Object>>>) {
        if let Ok(Some(value)) = self.runtime.python().read(self.at.cast::<S>(), member) {
            self.push(name, value);
        }
    }

    fn number<S>(&mut self, name: &str, member: Member<S, i64>) {
        if let Ok(value) = self.runtime.python().read(self.at.cast::<S>(), member) {
            let type_name = Some("int".to_owned());
            self.sections.push(AttributeSection {
                name: name.to_owned(),
                type_name,
                repr: value.to_string(),
            });
        }
    }

    /// The members that a built-in type adds to its base (Include/cpython/pyerrors.h).
    fn members(&mut self, class: Ptr<TypeObject>) {
        let name = self.runtime.types().name_of(self.runtime.python(), class);
        if name.module.as_deref() != Some("builtins") {
            return;
        }
        match name.qualname.as_str() {
            "OSError" => {
                self.object("errno", member::OS_ERROR_ERRNO);
                self.object("strerror", member::OS_ERROR_STRERROR);
                self.object("filename", member::OS_ERROR_FILENAME);
                self.object("filename2", member::OS_ERROR_FILENAME2);
            }
            "UnicodeEncodeError" | "UnicodeDecodeError" | "UnicodeTranslateError" => {
                if name.qualname != "UnicodeTranslateError" {
                    self.object("encoding", member::UNICODE_ERROR_ENCODING);
                }
                self.object("object", member::UNICODE_ERROR_OBJECT);
                self.number("start", member::UNICODE_ERROR_START);
                self.number("end", member::UNICODE_ERROR_END);
                self.object("reason", member::UNICODE_ERROR_REASON);
            }
            "SyntaxError" => {
                self.object("msg", member::SYNTAX_ERROR_MSG);
                self.object("filename", member::SYNTAX_ERROR_FILENAME);
                self.object("lineno", member::SYNTAX_ERROR_LINENO);
                self.object("offset", member::SYNTAX_ERROR_OFFSET);
                self.object("text", member::SYNTAX_ERROR_TEXT);
            }
            "ImportError" => {
                self.object("msg", member::IMPORT_ERROR_MSG);
                self.object("name", member::IMPORT_ERROR_NAME);
                self.object("path", member::IMPORT_ERROR_PATH);
            }
            "SystemExit" => self.object("code", member::SYSTEM_EXIT_CODE),
            "StopIteration" => self.object("value", member::STOP_ITERATION_VALUE),
            "AttributeError" => {
                self.object("name", member::ATTRIBUTE_ERROR_NAME);
                self.object("obj", member::ATTRIBUTE_ERROR_OBJ);
            }
            "NameError" => self.object("name", member::NAME_ERROR_NAME),
            "BaseExceptionGroup" => self.object("message", member::EXC_GROUP_MSG),
            _ => {}
        }
    }
}
