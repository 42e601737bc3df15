"""Caffe's files as the protobuf library writes them, by declarations that spell the numbers of blobs out."""
from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

F = descriptor_pb2.FieldDescriptorProto


def _build() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name='reference.proto', package='reference', syntax='proto2')

    def message(name: str, *fields: tuple[str, int, Any, str]) -> None:
        declared = file.message_type.add(name=name)
        for field_name, number, kind, how in fields:
            field = declared.field.add(name=field_name, number=number,
                                       label=F.LABEL_OPTIONAL if how == 'one' else F.LABEL_REPEATED)
            if isinstance(kind, str):
                field.type, field.type_name = F.TYPE_MESSAGE, f'.reference.{kind}'
            else:
                field.type = kind
            field.options.packed = how == 'packed'

    message('Shape', ('dim', 1, F.TYPE_INT64, 'packed'))
    for name, how in ('Blob', 'packed'), ('UnpackedBlob', 'many'):
        message(name, ('num', 1, F.TYPE_INT32, 'one'), ('channels', 2, F.TYPE_INT32, 'one'),
                ('height', 3, F.TYPE_INT32, 'one'), ('width', 4, F.TYPE_INT32, 'one'),
                ('data', 5, F.TYPE_FLOAT, how), ('diff', 6, F.TYPE_FLOAT, how), ('shape', 7, 'Shape', 'one'),
                ('double_data', 8, F.TYPE_DOUBLE, how), ('raw_data_type', 10, F.TYPE_INT32, 'one'),
                ('raw_data', 12, F.TYPE_BYTES, 'one'))
    message('Layer', ('name', 1, F.TYPE_STRING, 'one'), ('type', 2, F.TYPE_STRING, 'one'),
            ('bottom', 3, F.TYPE_STRING, 'many'), ('top', 4, F.TYPE_STRING, 'many'), ('blobs', 7, 'Blob', 'many'))
    message('V0', ('name', 1, F.TYPE_STRING, 'one'), ('type', 2, F.TYPE_STRING, 'one'),
            ('kernelsize', 8, F.TYPE_UINT32, 'one'), ('pad', 7, F.TYPE_UINT32, 'one'),
            ('blobs', 50, 'UnpackedBlob', 'many'))
    message('V1', ('layer', 1, 'V0', 'one'), ('bottom', 2, F.TYPE_STRING, 'many'), ('top', 3, F.TYPE_STRING, 'many'),
            ('name', 4, F.TYPE_STRING, 'one'), ('type', 5, F.TYPE_INT32, 'one'), ('blobs', 6, 'Blob', 'many'),
            ('blobs_lr', 7, F.TYPE_FLOAT, 'many'))
    message('Net', ('name', 1, F.TYPE_STRING, 'one'), ('layers', 2, 'V1', 'many'), ('layer', 100, 'Layer', 'many'))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {declared.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f'reference.{declared.name}'))
            for declared in file.message_type}


MESSAGES = _build()
Net, Blob, UnpackedBlob = MESSAGES['Net'], MESSAGES['Blob'], MESSAGES['UnpackedBlob']
