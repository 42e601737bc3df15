"""Reading pages as a browser does."""
import re
from html.parser import HTMLParser

VOID = {'meta', 'link', 'img', 'br', 'hr', 'input', 'wbr'}


class Page(HTMLParser):
    """A page of HTML, each of whose elements is closed where it should be.

    Attributes:
        elements: Names and attributes, in their order.
        tables: Rows of cells by heading and number: pairs of the text and the exact number, or None.
    """

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.rows, self.tables, self.heading = [], [], None, {}, ''
        self.feed(text)
        self.close()
        assert not self.open, f'not closed: {self.open}'

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.elements.append((tag, attributes))
        if tag not in VOID:
            self.open.append(tag)
        if tag == 'h2':
            self.heading = ''
        elif tag == 'table':
            self.rows = self.tables.setdefault(self.heading, [])
        elif tag == 'tr':
            self.rows.append([])
        elif tag in ('td', 'th'):
            value = attributes.get('data-value')
            self.rows[-1].append(['', None if value is None else float(value)])

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f'</{tag}> closes something else'

    def handle_data(self, data):
        if 'h2' in self.open:
            self.heading += data
        elif self.open and {'td', 'th'} & set(self.open):
            self.rows[-1][-1][0] += data

    def attributes(self, name):
        """The values of an attribute."""
        return [attributes[name] for _, attributes in self.elements if name in attributes]


def check_self_contained(text):
    """Makes sure that a page loads nothing; returns it."""
    page = Page(text)
    assert all(address.startswith('data:') for name in ('src', 'href') for address in page.attributes(name))
    assert not re.search('https?://|@import|url\\(', text.replace('http://www.w3.org/2000/svg', ''))
    assert any("default-src 'none'" in content for content in page.attributes('content'))
    return page
